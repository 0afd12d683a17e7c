"""From frames to one decision."""
