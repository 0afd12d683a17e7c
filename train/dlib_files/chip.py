"""How dlib cuts faces: where the landmarks lie in the crops that its network was trained on."""

from __future__ import annotations

import numpy as np

from edge_runtime.faces.align import AlignmentTemplate

# dlib's mean face (``get_face_chip_details`` in dlib's ``interpolation.h``) in a square from 0 to 1: six points around
# each eye, the tip of the nose, and the middle of the inner edge of both lips.
_LEFT_EYE = (
    (0.121737, 0.216423), (0.187122, 0.178758), (0.265825, 0.179852),
    (0.334606, 0.231733), (0.260918, 0.245099), (0.182743, 0.244077),
)  # fmt: skip
_RIGHT_EYE = (
    (0.645647, 0.231733), (0.714428, 0.179852), (0.793132, 0.178758),
    (0.858516, 0.216423), (0.797510, 0.244077), (0.719335, 0.245099),
)  # fmt: skip
_NOSE_TIP = ((0.490127, 0.515625),)
_LIPS = ((0.490127, 0.785343), (0.490127, 0.831803))
# The margin around that square, as the network's training and dlib's own descriptors have it.
_PADDING = 0.25


def chip_template() -> AlignmentTemplate:
    """The crop that dlib's network sees, by the four landmarks that the device's detector gives.

    dlib itself aligns by five points of a predictor of its own (the corners of the eyes, the base of the nose); this is
    the same mean face, seen through four other points of it.
    """
    centres = [np.mean(points, axis=0) for points in (_LEFT_EYE, _RIGHT_EYE, _NOSE_TIP, _LIPS)]
    chip = [(centre + _PADDING) / (1 + 2 * _PADDING) for centre in centres]
    return AlignmentTemplate(name="dlib-chip", points=tuple((float(x), float(y)) for x, y in chip))
