"""Wiring of the engine: a file of the same name in the project's configs/ takes its place."""
