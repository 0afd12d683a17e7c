"""Aligned crops of people: whom to calibrate with, and whom to measure on."""
