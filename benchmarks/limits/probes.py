"""Models that do nothing but multiply: what an interpreter reaches at best, where no layer is small or awkward."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge_runtime.errors import MissingDependency
from edge_runtime.files import write_bytes
from edge_runtime.towers.preprocess import InputSpec

NUMBERS = ("float32", "int8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A stack of equal convolutions.

    Attributes:
        kernel: Side of the kernel.
        channels: Channels, in and out.
        side: Side of the input and of the output.
        layers: How many, so that the first and the last step of a run weigh nothing.
    """

    kernel: int
    channels: int
    side: int
    layers: int

    @property
    def name(self) -> str:
        """Such as ``conv 1×1, 256 channels``."""
        return f"conv {self.kernel}×{self.kernel}, {self.channels} channels"

    def file(self, folder: Path, numbers: str) -> Path:
        """Where its model of a type of numbers is kept."""
        return folder / f"probe-{self.kernel}x{self.kernel}-{self.channels}-{numbers}.tflite"


# The first is a plain product of matrices; the second is what face towers consist of, with more to do for each byte.
PROBES = (Probe(kernel=1, channels=256, side=32, layers=4), Probe(kernel=3, channels=128, side=28, layers=4))


def make_probes(folder: Path) -> Iterator[tuple[Probe, str, Path]]:
    """Each probe with each type of numbers, made by TensorFlow where it is not there yet.

    Raises:
        MissingDependency: There is no TensorFlow to make one with.
        WriteError: The folder cannot be written.
    """
    for probe in PROBES:
        for numbers in NUMBERS:
            path = probe.file(folder, numbers)
            if not path.exists():
                write_bytes(path, _convert(probe, numbers))
            yield probe, numbers, path


def _convert(probe: Probe, numbers: str) -> bytes:
    from export.conversion.convert import SavedTower, make_converter
    from export.conversion.recipes import find_recipe

    with tempfile.TemporaryDirectory() as name:
        shape = (probe.side, probe.side, probe.channels)
        _save(probe, shape, name)
        # What a tower would take in is not asked of a probe: only the folder and the recipe count.
        saved = SavedTower(folder=Path(name), spec=InputSpec(size_px=96, colour="rgb"))
        values = np.random.default_rng(0).uniform(-1, 1, (8, *shape)).astype(np.float32)
        return bytes(make_converter(saved, find_recipe(numbers), values).convert())


def _save(probe: Probe, shape: tuple[int, ...], folder: str) -> None:
    try:
        import keras
        import tensorflow as tf
    except ImportError as error:
        raise MissingDependency(
            "probes are made with TensorFlow: make install, or leave them out: --no-probes"
        ) from error
    keras.utils.set_random_seed(0)
    inputs = keras.Input(shape, batch_size=1)
    values: Any = inputs
    for _ in range(probe.layers):
        values = keras.layers.Conv2D(probe.channels, probe.kernel, padding="same")(values)
    model = keras.Model(inputs, values)
    signature = [tf.TensorSpec((1, *shape), tf.float32)]
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serve", model.call, input_signature=signature)
    archive.write_out(folder, verbose=False)
