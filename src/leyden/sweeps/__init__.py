"""Many runs of one command: grids and searches that a repeated command resumes, on any executor."""
