"""Measurements: speed by pytest-benchmark, and the demos that measure the whole way."""
