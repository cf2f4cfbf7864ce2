"""Training, evaluation and prediction: objects are built from a config, checked, and run."""
