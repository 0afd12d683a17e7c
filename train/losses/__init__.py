"""The losses, by name."""
