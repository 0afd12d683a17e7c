"""From photographs to folders of aligned faces."""
