"""The stages of a frame on this machine, one file each; they need what the wheel needs, and no TensorFlow."""
