"""Which runtimes take a flatbuffer, and compute it rightly."""
