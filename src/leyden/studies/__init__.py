"""Optuna studies as both a search and its jobs use them: storage and pruning."""
