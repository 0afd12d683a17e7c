"""What the well-known tutorials reach, and what siamlite reaches with the same set-up: measured, and written down."""
