"""Lightning callbacks; configs/callbacks/ also names those of Lightning and of the engine."""
