"""What was seen and decided, drawn on the frame."""

from __future__ import annotations

from benchmarks.suite.rounds import Timed
from edge_runtime.faces.finder import FoundFace
from edge_runtime.images import Image
from edge_runtime.overlay.picture import FaceLabel, Overlay, draw_overlay


def test_draw(timed: Timed, frame: Image, face: FoundFace) -> None:
    """The overlay on a frame with one face."""
    label = FaceLabel(box_px=face.face.box_px, state="looking", name="Anna?", similarity=0.5, progress=(2, 5))
    latency_ms = {"detect": 6.1, "align": 0.7, "embed": 0.7, "match": 0.1}
    overlay = Overlay(faces=[label], headline="Looking", detail="2 of 5", threshold=0.3, latency_ms=latency_ms)

    def run() -> Image:
        return draw_overlay(frame, overlay)

    assert timed(run, what="the overlay on a 640×480 frame with one face").shape == frame.shape
