"""The sub-commands of `python -m export`, one file each."""
