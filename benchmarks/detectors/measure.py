"""Every detector on every scene, in one alternating run."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.detectors.scenes import SIZES_PX, Scene, matched
from edge_runtime.faces.detect import Detector
from edge_runtime.faces.landmarks import LandmarkRefiner

# From this share of found faces on, a detector is said to see faces of a size.
RELIABLE = 0.95


@dataclass(slots=True)
class Tally:
    """What was counted of one detector.

    Attributes:
        seen: For each shape of frame and size of face, whether each was found.
        false: How many faces were found where none is.
        off: Mean distance of the eyes from where they are, in distances between the eyes.
        refined_off: The same after refining.
        cpu_ms: Processor time of each frame, by shape.
    """

    seen: dict[tuple[str, int], list[bool]] = field(default_factory=dict)
    false: int = 0
    off: list[float] = field(default_factory=list)
    refined_off: list[float] = field(default_factory=list)
    cpu_ms: dict[str, list[float]] = field(default_factory=dict)


def run(scenes: Iterable[Scene], detectors: dict[str, Detector], *, as_shot: bool = False) -> dict[str, Tally]:
    """Detect in each scene with each detector in turn.

    Args:
        scenes: The frames.
        detectors: The detectors by name.
        as_shot: Whether the scenes differ in shape: then they are counted together.
    """
    tallies = {name: Tally() for name in detectors}
    refiner = LandmarkRefiner()
    for scene in scenes:
        height, width = scene.image_rgb.shape[:2]
        shape = "as shot" if as_shot else f"{width}×{height}"
        for name, detector in detectors.items():
            _look(tallies[name], detector, scene, shape, refiner, as_shot=as_shot)
    return tallies


def _look(
    tally: Tally, detector: Detector, scene: Scene, shape: str, refiner: LandmarkRefiner, *, as_shot: bool
) -> None:
    start = time.process_time()
    faces = detector.detect(scene.image_rgb)
    tally.cpu_ms.setdefault(shape, []).append((time.process_time() - start) * 1e3)
    there = matched(faces, scene)
    size = 0 if as_shot else round(scene.face_px)
    tally.seen.setdefault((shape, size), []).extend(face is not None for face in there)
    tally.false += len(faces) - len({id(face) for face in there if face is not None})
    for face, eyes in zip(there, scene.eyes_px, strict=True):
        if face is not None:
            between = float(np.linalg.norm(eyes[1] - eyes[0]))
            five = refiner.refine(scene.image_rgb, face.landmarks_px)
            fine = np.array([five[2:4].mean(axis=0), five[0:2].mean(axis=0)])
            tally.off.append(float(np.linalg.norm(face.landmarks_px[:2] - eyes, axis=1).mean()) / between)
            tally.refined_off.append(float(np.linalg.norm(fine - eyes, axis=1).mean()) / between)


def summary(tallies: dict[str, Tally]) -> list[dict[str, Any]]:
    """What was found, as plain values."""
    return [
        {
            "detector": name,
            "found": {
                shape: {
                    str(size): round(float(np.mean(seen)), 4) for (at, size), seen in tally.seen.items() if at == shape
                }
                for shape in tally.cpu_ms
            },
            "frames": sum(len(times) for times in tally.cpu_ms.values()),
            "faces": sum(len(seen) for seen in tally.seen.values()),
            "false": tally.false,
            "eyes_off": _percent(tally.off),
            "eyes_off_refined": _percent(tally.refined_off),
            "cpu_ms": {
                shape: [round(float(value), 2) for value in np.percentile(times, [50, 95])]
                for shape, times in tally.cpu_ms.items()
            },
        }
        for name, tally in tallies.items()
    ]


def _percent(values: list[float]) -> list[float]:
    """Median and 95th percentile in percent."""
    return [round(100 * float(value), 2) for value in np.percentile(values, [50, 95])] if values else []


def least_share(row: dict[str, Any]) -> float:
    """Side of the smallest face, as a share of the frame's longer side, from which on all sizes are seen reliably.

    Args:
        row: One detector's :func:`summary`; infinite if it sees none reliably.
    """
    shares = []
    for shape, found in row["found"].items():
        longer = int(shape.split("×")[0])
        shares += [(size / longer, found[str(size)]) for size in SIZES_PX if str(size) in found]
    least = float("inf")
    for share, rate in sorted(shares, reverse=True):
        if rate < RELIABLE:
            break
        least = share
    return least
