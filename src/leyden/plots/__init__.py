"""Figures of a run: curves, batches of images, and what a network gets right and wrong."""
