"""Helpers below everything else: the operating system, errors, log output, and private names of Lightning."""
