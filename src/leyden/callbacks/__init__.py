"""Callbacks of the engine; configs/callbacks also names those of Lightning and of the project."""
