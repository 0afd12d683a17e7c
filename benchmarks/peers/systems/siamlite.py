"""siamlite as it is installed on a device: BlazeFace, the tower ``accurate``, int8 in LiteRT."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.peers.protocol import ALIGN, DETECT, EMBED, SIAMLITE, Peer, Pipeline, Stopwatch

_ROOT = Path(__file__).resolve().parents[3]


class _Siamlite:
    def __init__(self, models: Path, tower: Path | None) -> None:
        from benchmarks.peers.aligned import open_cv
        from edge_runtime.faces.align import align_face
        from edge_runtime.faces.finder import FaceFinder
        from edge_runtime.towers.shipped import SHIPPED
        from edge_runtime.towers.tower import Tower

        open_cv()
        self._tower = Tower.load(tower or SHIPPED["accurate"].path)
        card = self._tower.card
        self._finder = FaceFinder(models=models, size_px=card.input.size_px, template=card.template)
        self._align = align_face

    def embed(self, frame_bgr: npt.NDArray[np.uint8], watch: Stopwatch) -> npt.NDArray[np.float32] | None:
        finder = self._finder
        image_rgb = np.ascontiguousarray(frame_bgr[..., ::-1])
        faces = finder.detector.detect(image_rgb)
        watch.lap(DETECT)
        if not faces:
            return None
        points = max(faces, key=lambda face: face.area_px).landmarks_px
        if finder.refiner is not None:
            points = finder.refiner.refine(image_rgb, points)
        crop = self._align(image_rgb, points, finder.size_px, finder.template)
        watch.lap(ALIGN)
        vector = self._tower.embed_one(crop)
        watch.lap(EMBED)
        return vector


def _load(weights: Mapping[str, Path], settings: Mapping[str, Any]) -> Pipeline:
    tower = settings.get("tower")
    return _Siamlite(weights["detectors"], Path(tower) if tower else None)


PEER = Peer(
    name=SIAMLITE,
    title="siamlite, `accurate`",
    parts="BlazeFace as `auto` chooses it, dlib's five points, int8 tower in LiteRT, cosine",
    licence="Apache-2.0; tower CC0-1.0 (made from dlib's), BlazeFace Apache-2.0",
    requirements=(f"siamlite[edge] @ {_ROOT.as_uri()}", "ai-edge-litert==2.3.0", "numpy==2.4.6",
                  "opencv-python-headless==4.14.0.94"),
    weights=("detectors",),
    load=_load,
)  # fmt: skip
