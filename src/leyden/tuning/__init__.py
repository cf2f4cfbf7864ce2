"""Searches for a learning rate and a batch size by short trainings, which write nothing and change no global state."""
