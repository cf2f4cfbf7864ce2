"""Image files: their layout in folders, broken ones among them, and their decoding."""
