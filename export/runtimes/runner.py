"""Running a converted tower in the interpreter that it is meant for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from edge_runtime.towers.interpreter import Backend, choose_backend
from edge_runtime.towers.preprocess import InputSpec
from edge_runtime.towers.tower import Embedder


class Runner(Protocol):
    """An interpreter, wherever it is installed, that runs towers by the device's own code."""

    @property
    def backend(self) -> Backend:
        """Which interpreter it is."""

    def embed(self, flatbuffer: bytes, spec: InputSpec, crops_rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Embed aligned crops.

        Args:
            flatbuffer: The model, batch 1.
            spec: What it takes in.
            crops_rgb: uint8 of shape (n, size_px, size_px, 3), RGB.

        Returns:
            float32 of shape (n, d), rows of length 1.

        Raises:
            TowerError: The interpreter refuses the model or fails to run it, or an embedding is zero or not finite.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalRunner:
    """An interpreter of this environment.

    Attributes:
        family: Which; the preferred one that is installed if None.
    """

    family: str | None = None

    @property
    def backend(self) -> Backend:
        """Which interpreter it is.

        Raises:
            MissingDependency: It is not installed here.
        """
        return choose_backend(self.family)

    def embed(self, flatbuffer: bytes, spec: InputSpec, crops_rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """See :meth:`Runner.embed`."""
        return Embedder(flatbuffer, spec, family=self.family).embed(crops_rgb)
