"""Whole pipelines of other face systems beside siamlite's, on the same frames in one alternating run."""
