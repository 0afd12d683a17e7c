"""Training and export on this machine; skipped where TensorFlow is missing."""
