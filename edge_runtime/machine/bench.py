"""How long each stage takes on this machine, with this tower."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from edge_runtime.faces.finder import FaceFinder
from edge_runtime.gallery.match import Enrolled, person_similarities
from edge_runtime.images import Image
from edge_runtime.measures.metrics import unit_rows
from edge_runtime.sources.camera import Frame
from edge_runtime.towers.tower import Tower


def measure(
    tower: Tower, finder: FaceFinder, *, frame: Frame | None = None, repeats: int = 200, people: int = 100
) -> dict[str, Any]:
    """Time each stage.

    Args:
        tower: The tower.
        finder: A face finder with the tower's crop size and template.
        frame: A frame with a face in it; without one, detection is timed on an empty 640×480 frame and alignment not.
        repeats: Runs of each stage that are timed, after a tenth of them unmeasured.
        people: Size of the gallery that matching is timed on, five templates each.

    Returns:
        ``device``, ``tower`` and ``stages``: for each stage its ``median_ms``, ``p95_ms`` and ``runs``.
    """
    image = frame.image_rgb if frame is not None else np.full((480, 640, 3), 96, np.uint8)
    crop = np.random.default_rng(0).integers(0, 256, (tower.spec.size_px, tower.spec.size_px, 3), dtype=np.uint8)
    rows = unit_rows(np.random.default_rng(1).normal(size=(5 * people, tower.embedding_length)))
    enrolled = Enrolled.of({f"person {i}": rows[5 * i : 5 * i + 5] for i in range(people)})
    stages: dict[str, Callable[[], object]] = {
        "detect": lambda: finder.detector.detect(image),
        "embed": lambda: tower.embed_one(crop),
        f"match 1:{people}": lambda: person_similarities(rows[0], enrolled),
    }
    found = finder.find(image, photo=True) if frame is not None else []
    if found:
        stages["whole frame"] = lambda: _whole(tower, finder, image, enrolled)
    return {
        "device": {"machine": platform.machine(), "system": platform.system(), "python": platform.python_version()},
        "frame": {"width": image.shape[1], "height": image.shape[0], "faces": len(found)},
        "tower": {
            "name": tower.card.name,
            "recipe": tower.card.recipe,
            "interpreter": f"{tower.backend.distribution} {tower.backend.version}",
            "load_ms": round(tower.load_ms, 1),
        },
        "stages": {name: _timed(stage, repeats) for name, stage in stages.items()},
    }


def _whole(tower: Tower, finder: FaceFinder, image: Image, enrolled: Enrolled) -> None:
    for face in finder.find(image, photo=True):
        person_similarities(tower.embed_one(face.crop_rgb), enrolled)


def _timed(stage: Callable[[], object], repeats: int) -> dict[str, float]:
    for _ in range(max(1, repeats // 10)):
        stage()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        stage()
        times.append((time.perf_counter() - start) * 1e3)
    median, p95 = np.percentile(times, [50, 95])
    return {"median_ms": round(float(median), 3), "p95_ms": round(float(p95), 3), "runs": repeats}
