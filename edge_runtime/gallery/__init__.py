"""Enrolled people, and how a probe is compared with them."""
