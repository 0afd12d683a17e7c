"""What a gallery endures, and what it costs."""
