"""Leyden: Hydra composes an experiment from YAML, Lightning runs it, a run directory keeps it."""
