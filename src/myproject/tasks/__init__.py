"""LightningModules with loss and metrics; they receive ready objects and read no config."""
