"""What `siamlite bench` measured on which device: stored results, and the page made of them."""
