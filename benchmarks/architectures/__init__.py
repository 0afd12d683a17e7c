"""Accuracy for a millisecond after int8: networks of several kinds and sizes, trained for equally long."""
