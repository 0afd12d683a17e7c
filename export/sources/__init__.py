"""What can be exported: a training run, and the float towers in it."""
