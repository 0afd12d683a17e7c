"""From pictures in memory to augmented batches: samplers, augmentations, the input stream."""
