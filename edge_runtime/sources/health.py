"""Whether the pictures of a camera are worth looking at: a frozen one and a black one are not."""

from __future__ import annotations

import numpy as np

from edge_runtime.images import Image

# Mean of all channels, of 255. A covered lens gives less than this even with its noise; a dim room gives more.
BLACK_BELOW = 8.0
# Every 16th row tells nearly all pictures apart, and every 8th pixel is enough for their mean.
_ROWS, _PIXELS = 16, 8


class PictureHealth:
    """Watches one picture after the other.

    Attributes:
        frozen: Whether the same picture has been there for too long.
        black: Whether it has been black for too long.
    """

    def __init__(self, *, frozen_s: float, black_s: float) -> None:
        """Begin.

        Args:
            frozen_s: From how many seconds of the very same picture on it is frozen; 0 never.
            black_s: From how many seconds of black on it counts; 0 never.
        """
        self._frozen_s, self._black_s = frozen_s, black_s
        self._last: Image | None = None
        self._same_since_s = 0.0
        self._black_since_s: float | None = None
        self.frozen = False
        self.black = False

    def look(self, image_rgb: Image, time_s: float) -> None:
        """Take the next picture.

        Args:
            image_rgb: uint8 of shape (height, width, 3); it is kept until the next one, and must not change.
            time_s: When it came.
        """
        if self._last is None or not same_picture(self._last, image_rgb):
            self._same_since_s = time_s
        self._last = image_rgb
        self.frozen = 0 < self._frozen_s <= time_s - self._same_since_s
        if not is_black(image_rgb):
            self._black_since_s = None
        elif self._black_since_s is None:
            self._black_since_s = time_s
        self.black = self._black_since_s is not None and 0 < self._black_s <= time_s - self._black_since_s

    def still_s(self, time_s: float) -> float:
        """For how long the picture has been the same."""
        return time_s - self._same_since_s if self._last is not None else 0.0


def same_picture(first: Image, second: Image) -> bool:
    """Whether two pictures are the same to the last bit, which no two of a sensor ever are: they have noise."""
    if first.shape != second.shape:
        return False
    return bool(np.array_equal(first[::_ROWS], second[::_ROWS]) and np.array_equal(first, second))


def is_black(image_rgb: Image) -> bool:
    """Whether a picture (uint8) is black all over."""
    return float(image_rgb[::_PIXELS, ::_PIXELS].mean()) < BLACK_BELOW
