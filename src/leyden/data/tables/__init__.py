"""CSV files: read and checked, split into parts, encoded for a network."""
