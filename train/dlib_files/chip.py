"""How dlib cuts faces: where the landmarks lie in the crops that its network was trained on."""

from __future__ import annotations

from edge_runtime.faces.align import DLIB_TEMPLATE, AlignmentTemplate


def chip_template() -> AlignmentTemplate:
    """The crop that dlib's network sees, by the five points that dlib itself aligns by."""
    return DLIB_TEMPLATE
