"""Records of runs on disk: read, found, listed and locked, without importing torch."""
