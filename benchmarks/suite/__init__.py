"""What the speed suites share: reference kernels, rounds, towers, accuracy, and what is kept of a run."""
