"""What following a face costs and how far it strays, against looking for it anew."""
