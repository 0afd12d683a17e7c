"""Error rates, plots and reports of a tower."""
