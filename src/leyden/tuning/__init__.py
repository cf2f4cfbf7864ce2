"""Settings found by short trials: the learning rate and the batch size. Trials write nothing and change no state."""
