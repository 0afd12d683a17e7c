"""siamlite as a service of systemd."""
