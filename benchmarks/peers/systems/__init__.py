"""The systems that are compared: one small file each, found by its name."""
