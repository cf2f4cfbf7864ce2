"""Texts for mistakes in a command: what is wrong, and the command that was probably meant."""
