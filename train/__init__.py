"""Training of a Siamese face tower on a desktop: photographs in, ``tower.keras`` out.

Run it from a checkout with ``python -m train``. Importing this package imports no TensorFlow; the modules that need it
do (:mod:`train.keras_quietly` says how).
"""
