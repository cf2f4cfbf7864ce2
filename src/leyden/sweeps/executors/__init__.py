"""Executors of a sweep's jobs, one for each launcher: local, ray, slurm, and Hydra's own."""
