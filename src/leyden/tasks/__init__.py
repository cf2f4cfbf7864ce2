"""LightningModules: loss, metrics and optimisation. They receive ready objects and know nothing of configs."""
