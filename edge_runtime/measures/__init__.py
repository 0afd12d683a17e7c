"""Error rates, thresholds and their bounds."""
