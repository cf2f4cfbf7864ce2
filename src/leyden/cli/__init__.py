"""Entry points, Hydra's command-line options, and options of scripts."""
