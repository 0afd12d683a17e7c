"""Training itself: the run folder, the epochs, checkpoints and what happens between them."""
