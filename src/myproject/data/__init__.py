"""LightningDataModules; each publishes a DataSpec, from which any network can be built."""
