"""This machine: what is missing on it, and how fast it is."""
