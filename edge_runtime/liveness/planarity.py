"""Does a face move like a sheet, or like a head? Evidence from one track, frame by frame."""

from __future__ import annotations

from dataclasses import dataclass

from edge_runtime.faces.align import Points
from edge_runtime.images import Image
from edge_runtime.liveness.parallax import Parallax, parallax
from edge_runtime.liveness.points import FacePoints
from edge_runtime.liveness.policy import FLAT, LIVE, NOT_ENOUGH_MOTION, Liveness


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanarityLimits:
    """What counts as a head, and what as a sheet.

    Attributes:
        least_turn: Sine of the angle by which the nose must have moved against the face: 0.15 is 9°.
        sure: By how many standard errors it must be above 0.
        least_share: Share of the residuals that the nose must explain.
        looks: In how many looks in a row.
        most_turn_flat: A sheet's nose moves less than this, with two standard errors.
        least_squeezed: By how much a sheet must have been turned before it is called one: 0.1 is 26°.
        looks_flat: In how many looks.
        look_s: Least time between two looks.
        restart_s: After how long the first frame is given up for a new one.
    """

    least_turn: float = 0.15
    sure: float = 4.0
    least_share: float = 0.2
    looks: int = 3
    most_turn_flat: float = 0.08
    least_squeezed: float = 0.1
    looks_flat: int = 5
    look_s: float = 0.1
    restart_s: float = 4.0


class PlanarityTest:
    """The evidence of one track.

    Attributes:
        finding: What is known so far. A person stays one until :meth:`forget`; a sheet stays a sheet.
        last: What the last look showed.
    """

    def __init__(self, limits: PlanarityLimits | None = None) -> None:
        self.limits = limits or PlanarityLimits()
        self.forget()

    def forget(self) -> None:
        """Begin anew: whoever is seen next may be somebody else."""
        self.finding = _unknown()
        self.last: Parallax | None = None
        self._points: FacePoints | None = None
        self._started_s = self._looked_s = 0.0
        self._like_head = self._like_sheet = 0

    def lose(self) -> None:
        """The face was not seen in a frame: its points begin anew."""
        self._points, self._like_head = None, 0

    def step(self, image_rgb: Image, time_s: float, landmarks_px: Points | None) -> Liveness:
        """Take a frame.

        Args:
            image_rgb: uint8 frame of shape (height, width, 3).
            time_s: Its stream time.
            landmarks_px: float32 of shape (4, 2), if the face was detected in this frame; without, points that were
                lost are not chosen anew.
        """
        if self.finding.live is not None:
            return self.finding
        if self._points is not None and not self._points.step(image_rgb):
            self._points = None
        old = time_s - self._started_s > self.limits.restart_s
        if landmarks_px is not None and (self._points is None or old):
            self._points = FacePoints(image_rgb, landmarks_px)
            self._started_s, self._like_head = time_s, 0
        elif self._points is not None and time_s - self._looked_s >= self.limits.look_s:
            self._looked_s = time_s
            self.look(parallax(self._points.reference_face, self._points.now_px))
        return self.finding

    def look(self, seen: Parallax | None) -> Liveness:
        """Take what a frame shows against the first one, and say what is known now."""
        self.last = seen
        self._like_head = self._like_head + 1 if seen is not None and is_like_head(seen, self.limits) else 0
        self._like_sheet += seen is not None and is_like_sheet(seen, self.limits)
        if self._like_head >= self.limits.looks:
            self.finding = LIVE
        elif self._like_sheet >= self.limits.looks_flat:
            self.finding = Liveness(live=False, reason=FLAT, advice="show yourself, not a picture")
        return self.finding


def is_like_head(seen: Parallax, limits: PlanarityLimits) -> bool:
    """Whether a nose moved against the face: enough, surely, and as noses do. Never true of exact points of a plane."""
    return seen.turn >= limits.least_turn and seen.turn >= limits.sure * seen.error and seen.share >= limits.least_share


def is_like_sheet(seen: Parallax, limits: PlanarityLimits) -> bool:
    """Whether the face was turned so far that a nose would have moved, and none did."""
    return seen.squeezed >= limits.least_squeezed and seen.turn + 2 * seen.error <= limits.most_turn_flat


def _unknown() -> Liveness:
    return Liveness(live=None, reason=NOT_ENOUGH_MOTION, advice="turn your head slowly to one side and back")
