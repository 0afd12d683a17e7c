"""Towers that others trained: opened without running what a stranger put into them, measured, and wrapped."""
