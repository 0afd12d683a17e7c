"""The ``siamlite`` command."""
