"""The overlay on drawn faces, as a picture to be looked at: ``python -m benchmarks.overlay FILE.jpg``."""

from __future__ import annotations

import argparse
import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np

from edge_runtime.commands.console import say
from edge_runtime.faces.finder import FaceFinder
from edge_runtime.files import refuse_overwrite
from edge_runtime.images import Image, write_image
from edge_runtime.machine.drawn import drawn_frames
from edge_runtime.overlay.picture import FaceLabel, Overlay, draw_overlay

_TIMES = {"grab": 1.1, "detect": 6.1, "align": 0.8, "embed": 0.7, "match": 0.1, "decide": 0.1}
_THRESHOLD = 0.35
_NOWHERE = (0.0, 0.0, 0.0, 0.0)
# What each of four frames shows: outcome and words above, and the label of the face.
_MOMENTS = (
    ("looking", "Looking", "come closer", FaceLabel(box_px=_NOWHERE, state="poor", reason="too far away: come closer")),
    ("looking", "Looking", "3 of 5 good frames", FaceLabel(
        box_px=_NOWHERE, state="looking", name="Anna Lindqvist?", similarity=0.52, progress=(3, 5))),
    ("accepted", "Accepted: Anna Lindqvist", "similarity 0.55, needs 0.35", FaceLabel(
        box_px=_NOWHERE, state="accepted", name="Anna Lindqvist", similarity=0.55)),
    ("rejected", "Rejected", "similarity 0.12, needs 0.35", FaceLabel(
        box_px=_NOWHERE, state="rejected", name="unknown", similarity=0.12)),
)  # fmt: skip


def main() -> int:
    """Draw four moments before a camera; names and numbers are made up, the faces are found."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overlay", description=__doc__)
    parser.add_argument("out", type=Path, metavar="FILE.jpg")
    parser.add_argument("--force", action="store_true", help="replace FILE.jpg if it is there")
    options = parser.parse_args()
    refuse_overwrite(options.out, force=options.force)
    finder = FaceFinder()
    frames = itertools.islice(drawn_frames(640, 480, face_px=190), 4, 100, 20)
    first = next(drawn_frames(640, 480, face_px=60))
    pictures = [_moment(finder, frame, at) for at, frame in zip(range(4), (first, *frames), strict=False)]
    top, bottom = np.hstack(pictures[:2]), np.hstack(pictures[2:])
    say(f"drawn: {write_image(options.out, np.vstack([top, bottom]))}")
    return 0


def _moment(finder: FaceFinder, frame: Image, at: int) -> Image:
    state, headline, detail, label = _MOMENTS[at]
    face = finder.find(frame)[0].face
    shown = replace(label, box_px=face.box_px, landmarks_px=face.landmarks_px)
    overlay = Overlay(
        faces=[shown], headline=headline, detail=detail, state=state, threshold=_THRESHOLD, latency_ms=_TIMES
    )
    return draw_overlay(frame, overlay)


if __name__ == "__main__":
    raise SystemExit(main())
