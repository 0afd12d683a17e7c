"""Frames for people who would rather look than read: drawn on, recorded, shown in a window."""
