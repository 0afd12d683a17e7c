"""What narrowing and repair cost: error rates of the networks on people whom neither was judged by."""

from __future__ import annotations

from typing import Any

import numpy as np

from edge_runtime.errors import DataError
from edge_runtime.towers.preprocess import InputSpec
from train.data.faces import FaceSet
from train.measure.verify import Verification, embed_pixels, verify


class Rates:
    """Error rates of one network after another on the same faces.

    Attributes:
        found: For each stage, by name, what was measured.
    """

    def __init__(self, faces: FaceSet | None, spec: InputSpec) -> None:
        """Keep the faces.

        Args:
            faces: Prepared faces, cut for the networks; None to measure nothing.
            spec: What the networks take in.
        """
        self._faces, self._spec = faces, spec
        self.found: dict[str, Verification] = {}

    def measure(self, stage: str, network: Any) -> None:
        """Embed the faces with a Keras network and compare all of them.

        Args:
            stage: What is measured: ``"wide"``, ``"narrowed"`` or ``"repaired"``.
            network: The network.
        """
        if self._faces is None:
            return
        pixels = np.asarray(self._faces.pixels)
        rows = embed_pixels(lambda values: network(values, training=False).numpy(), pixels, self._spec)
        self.found[stage] = verify(rows, self._faces.labels)[0]

    def as_lines(self) -> list[str]:
        """A line for each stage; nothing where nothing was measured."""
        if not self.found:
            return []
        seen = next(iter(self.found.values()))
        pairs = f"{seen.genuine_pairs:,} genuine and {seen.impostor_pairs:,} impostor pairs"
        lines = [f"{seen.pictures:,} pictures of {seen.people:,} other people, {pairs}:"]
        return [*lines, *(f"{stage:<16} EER {100 * held.eer:.2f} %" for stage, held in self.found.items())]


def refuse_shared(judges: FaceSet, measured: FaceSet) -> None:
    """Refuse to measure on pictures that the layers are solved on.

    Raises:
        DataError: A picture is in both sets.
    """
    shared = set(judges.hashes) & set(measured.hashes)
    if shared:
        raise DataError(
            f"{len(shared):,} pictures of --evaluate are among those of --data that the layers are solved on. Give "
            "people whom --data does not hold."
        )
