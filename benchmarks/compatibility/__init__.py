"""Which recipes run on which TFLite interpreters, how truly and how fast: measured, not remembered."""
