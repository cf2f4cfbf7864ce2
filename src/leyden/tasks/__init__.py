"""LightningModules: what is optimised and what is measured. They take ready objects and know nothing of configs."""
