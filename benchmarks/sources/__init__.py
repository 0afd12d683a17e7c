"""Cameras that are pulled, restarted and run for long: what becomes of the frames, the events and the memory."""
