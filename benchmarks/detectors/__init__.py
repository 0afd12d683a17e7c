"""Which detector finds faces at which distance, how exactly, and at what cost."""
