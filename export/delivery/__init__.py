"""Putting the tower file together, proving it, writing it."""
