"""What every conversion begins with: a tower in floating point, whoever trained it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from edge_runtime.towers.preprocess import InputSpec
from export.quiet import import_tensorflow
from export.sources.keras_file import embed_float


class FloatTower(Protocol):
    """A tower in floating point."""

    @property
    def spec(self) -> InputSpec:
        """What it takes in."""

    def embed(self, crops_rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Raw embeddings of aligned crops.

        Args:
            crops_rgb: uint8 of shape (n, size_px, size_px, 3), RGB.

        Returns:
            float32 of shape (n, d), not normalised; not finite where the tower is broken.
        """

    def write_saved_model(self, folder: Path) -> None:
        """Write it as a TensorFlow SavedModel with batch 1 into an empty folder; may raise anything TensorFlow does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KerasTower:
    """A Keras model as a tower.

    Attributes:
        model: Keras model: float32 (n, size, size, channels) in, float32 (n, d) out.
        spec: What it takes in.
    """

    model: Any
    spec: InputSpec

    def embed(self, crops_rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """See :meth:`FloatTower.embed`."""
        return embed_float(self.model, crops_rgb, self.spec)

    def write_saved_model(self, folder: Path) -> None:
        """See :meth:`FloatTower.write_saved_model`."""
        tf, _ = import_tensorflow()
        # tf.saved_model.save would do it too, but can leave variables unfrozen: a file that gives NaN without an error.
        signature = [tf.TensorSpec((1, *self.spec.shape), tf.float32, name="image")]
        self.model.export(str(folder), format="tf_saved_model", verbose=False, input_signature=signature)
