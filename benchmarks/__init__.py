"""Measurements: speed by pytest-benchmark, and the demo that measures the whole way."""
