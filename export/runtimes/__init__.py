"""The interpreters that a converted tower is measured in: this environment's, or another's."""
