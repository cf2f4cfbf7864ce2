"""Many runs of one command: grids and searches that go on where they were, wherever their jobs are executed."""
