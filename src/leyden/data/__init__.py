"""LightningDataModules. They know nothing of models; they publish a DataSpec, from which any model can be built."""
