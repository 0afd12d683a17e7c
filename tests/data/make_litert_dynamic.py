"""Made ``litert_dynamic.tflite``: a small net with a dense layer, quantized by the package litert-quantizer 0.11.

tflite-runtime 2.14 loads it and gives garbage. The package is in no lock of the kit's own environments, so its file is
kept here. To make it anew: ``make runtimes``, then ``.venv/bin/python tests/data/make_litert_dynamic.py``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.compatibility.environments import litert_quantized
from edge_runtime.files import write_bytes
from edge_runtime.towers.preprocess import InputSpec
from export.conversion.convert import convert_tower
from export.conversion.recipes import find_recipe
from export.quiet import import_tensorflow
from export.sources.float_tower import KerasTower

SPEC = InputSpec(size_px=32, colour="grey")
TARGET = Path(__file__).with_name("litert_dynamic.tflite")


def main() -> None:
    """Build, convert, quantize, write."""
    _, keras = import_tensorflow()
    keras.utils.set_random_seed(3)
    layers = keras.layers
    image = keras.Input(SPEC.shape)
    values = layers.Conv2D(8, 3, strides=2, activation="relu", name="conv")(image)
    values = layers.Conv2D(16, 3, strides=2, activation="relu", name="conv_2")(values)
    model = keras.Model(image, layers.Dense(32, name="embedding")(layers.GlobalAveragePooling2D()(values)))
    nothing = np.empty((0, *SPEC.shape), np.float32)
    original = convert_tower(KerasTower(model=model, spec=SPEC), find_recipe("float32"), nothing)
    write_bytes(TARGET.with_name("litert_dynamic_original.tflite"), original)
    write_bytes(TARGET, litert_quantized(original, "dynamic_wi8_afp32"))


if __name__ == "__main__":
    main()
