"""Checkpoints: files written atomically, verified, read without running code, and restored to a task."""
