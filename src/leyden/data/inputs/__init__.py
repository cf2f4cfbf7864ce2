"""Inputs of predict.py: images, tables and arrays, prepared for a network that was trained."""
