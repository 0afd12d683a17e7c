"""From a trained tower to one proven ``.tflite`` file: representative set, conversion, gate, thresholds, card.

Run it from a checkout: ``python -m export convert RUN --representative FACES --out tower.tflite``.
TensorFlow is imported only by the functions that need it.
"""
