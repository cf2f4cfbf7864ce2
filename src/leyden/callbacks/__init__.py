"""Callbacks of our own, one small file each; most of what configs/callbacks names is Lightning's."""
