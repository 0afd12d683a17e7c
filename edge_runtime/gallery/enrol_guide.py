"""How the person before the camera shall hold their head, sample by sample, so that the samples differ."""

from __future__ import annotations

from collections.abc import Callable

from edge_runtime.faces.quality import Quality

# Roughly: angles from four landmarks are right to some ten degrees.
_STRAIGHT_DEG, _TURNED_DEG, _NODDED_DEG = 12.0, 10.0, 8.0


class Guide:
    """Asks for one pose after the other; a pose that does not come is given up after a while.

    Attributes:
        words: What the person is asked for now.
    """

    def __init__(self, *, patience_s: float = 5.0) -> None:
        """Begin with the first pose.

        Args:
            patience_s: Stream time after which any good face counts for a pose.
        """
        self._patience_s = patience_s
        self._side = 0.0
        self._at = 0
        self._since_s: float | None = None

    @property
    def words(self) -> str:
        """What the person is asked for now."""
        return self._poses()[self._at % len(self._poses())][0]

    def takes(self, quality: Quality, time_s: float) -> bool:
        """Whether a good face of this stream time counts for the pose."""
        if self._since_s is None or time_s < self._since_s:
            self._since_s = time_s
        fits = self._poses()[self._at % len(self._poses())][1]
        return fits(quality) or time_s - self._since_s >= self._patience_s

    def taken(self, quality: Quality, time_s: float) -> None:
        """Go on to the next pose."""
        if self._at % len(self._poses()) == 1:
            # Whichever side it was, the next one is the other: a mirrored picture has them swapped.
            self._side = quality.yaw_deg
        self._at, self._since_s = self._at + 1, time_s

    def _poses(self) -> list[tuple[str, Callable[[Quality], bool]]]:
        def other_side(quality: Quality) -> bool:
            turned = abs(quality.yaw_deg) >= _TURNED_DEG
            return turned and (not self._side or quality.yaw_deg * self._side < 0)

        return [
            ("look straight at the camera", lambda quality: abs(quality.yaw_deg) <= _STRAIGHT_DEG),
            ("turn your head a little to one side", lambda quality: abs(quality.yaw_deg) >= _TURNED_DEG),
            ("and a little to the other side", other_side),
            ("raise or lower your chin a little", lambda quality: abs(quality.pitch_deg) >= _NODDED_DEG),
            ("look straight again", lambda quality: abs(quality.yaw_deg) <= _STRAIGHT_DEG),
        ]
