"""Towers side by side: accuracy, size, latency and peak memory from one alternating run."""
