"""The built wheel on an emulated Arm board: the commands as a user runs them, and every step from picture to bytes."""
