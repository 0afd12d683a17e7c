"""The ways of running a model on this machine, side by side: ``python -m benchmarks.engines``."""
