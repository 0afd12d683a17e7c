"""Which face is which from frame to frame, and when it is time to look for faces anew.

A track says only that a face is where the same face can be expected. Whether it still *is* the same person is decided
by its embedding (:mod:`edge_runtime.decisions.identity`), which names the tracks that were not followed without a gap.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import UsageError
from edge_runtime.faces.cut import is_cut, thumbnail
from edge_runtime.faces.detect import Face
from edge_runtime.faces.follow import FollowLimits, follow_face
from edge_runtime.images import Image

# How far a face may be from where it was last, as a share of its size, and how much larger or smaller: beyond that it
# is another track.
_MAX_AWAY = 1.0
_MAX_GROWTH = 1.6


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackPolicy:
    """How faces are followed.

    Attributes:
        detect_every: Faces are looked for anew in every n-th frame at least; 1 looks in every frame.
        limits: What still counts as the same face moving on.
    """

    detect_every: int = 10
    limits: FollowLimits = field(default_factory=FollowLimits)

    def __post_init__(self) -> None:
        """Refuse what could never work."""
        if not isinstance(self.detect_every, int) or not 1 <= self.detect_every <= 100:
            raise UsageError(f"faces can be looked for every 1 to 100 frames, not {self.detect_every!r}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """A face that is followed.

    Attributes:
        number: Its number, from 1; never given twice.
        face: Where it is, or was last.
        seen_at: Number of the frame that it was seen in last.
        seen_s: Stream time of that frame.
        sure: Whether it was followed without a gap since its person was last checked.
    """

    number: int
    face: Face
    seen_at: int
    seen_s: float
    sure: bool = True


class FaceTracker:
    """The tracks of one source.

    Attributes:
        tracks: Those that are in view, in the order of the faces that were detected, and those that were lost lately.
        detected: Whether the last frame's faces were detected, not followed.
        cut: Whether the last frame ended all tracks because the scene became another one.
    """

    def __init__(self, policy: TrackPolicy, *, keep_s: float = 1.0) -> None:
        """Begin without a face.

        Args:
            policy: How faces are followed.
            keep_s: Stream time that the place of a lost face is kept for.
        """
        self.policy = policy
        self._keep_s = keep_s
        self.tracks: list[Track] = []
        self.detected = False
        self.cut = False
        self._numbers = 0
        self._since = 0
        self._frame = 0
        self._before: tuple[Image, npt.NDArray[np.float32]] | None = None

    def in_view(self) -> list[Track]:
        """The tracks whose face is in the last frame."""
        return [track for track in self.tracks if track.seen_at == self._frame]

    def step(self, image_rgb: Image, time_s: float, detect: Callable[[], Sequence[Face]], *, due: bool) -> None:
        """Take one frame.

        Args:
            image_rgb: uint8 frame of shape (height, width, 3).
            time_s: Its stream time in seconds.
            detect: Finds the faces in this frame; called only when that is needed.
            due: Whether the faces must be detected in this frame.
        """
        self._frame += 1
        now = thumbnail(image_rgb)
        self.tracks = [track for track in self.tracks if 0 <= time_s - track.seen_s <= self._keep_s]
        before, self._before = self._before, (image_rgb, now)
        boxes = [track.face.box_px for track in self.tracks]
        self.cut = before is not None and (
            before[0].shape != image_rgb.shape or is_cut(before[1], now, boxes, image_rgb.shape)
        )
        if self.cut or before is None:
            self.tracks = []
        else:
            self._follow(before[0], image_rgb, time_s)
        self._since += 1
        lost = len(self.in_view()) < len(self.tracks)
        self.detected = due or lost or not self.tracks or self._since >= self.policy.detect_every
        if self.detected:
            self._since = 0
            self._associate(detect(), time_s)

    def drop(self) -> None:
        """Forget the tracks, as after a gap in which anybody may have come; their numbers are not given again."""
        self.tracks, self._before = [], None

    def renew(self, number: int) -> Track:
        """A track turned out to be another person: give it another number, which is returned with it."""
        return self._change(number, number=self._next_number(), sure=True)

    def confirm(self, number: int) -> Track:
        """The person of a track was checked."""
        return self._change(number, number=number, sure=True)

    def _change(self, old: int, *, number: int, sure: bool) -> Track:
        at = next(i for i, track in enumerate(self.tracks) if track.number == old)
        self.tracks[at] = replace(self.tracks[at], number=number, sure=sure)
        return self.tracks[at]

    def _next_number(self) -> int:
        self._numbers += 1
        return self._numbers

    def _follow(self, before_rgb: Image, now_rgb: Image, time_s: float) -> None:
        """Move the tracks that can be followed; the others are no longer sure."""
        for at, track in enumerate(self.tracks):
            # Where every frame is searched, nothing needs to be followed: each face is checked by its embedding.
            follow = track.seen_at == self._frame - 1 and self.policy.detect_every > 1
            face = follow_face(before_rgb, now_rgb, track.face, self.policy.limits) if follow else None
            if face is None:
                self.tracks[at] = replace(track, sure=False)
            else:
                self.tracks[at] = replace(track, face=face, seen_at=self._frame, seen_s=time_s)

    def _associate(self, faces: Sequence[Face], time_s: float) -> None:
        """Give each detected face the nearest track that it may belong to, or a new one."""
        free = list(self.tracks)
        found: list[Track] = []
        for face in faces:
            near = [(distance, i) for i, track in enumerate(free) if (distance := _away(track.face, face)) <= _MAX_AWAY]
            if near:
                distance, at = min(near)
                track = free.pop(at)
                # A detection that is beside the place to which the face was followed is somebody else's.
                sure = track.sure and track.seen_at == self._frame and distance <= _MAX_AWAY / 3
                found.append(replace(track, face=face, seen_at=self._frame, seen_s=time_s, sure=sure))
            else:
                found.append(Track(number=self._next_number(), face=face, seen_at=self._frame, seen_s=time_s))
        # What was followed but not found again is lost from here on.
        lost = [replace(track, sure=False, seen_at=min(track.seen_at, self._frame - 1)) for track in free]
        self.tracks = found + lost


def _away(before: Face, now: Face) -> float:
    """Distance between two faces as a share of their size; infinite if their sizes differ too much."""
    (left, top, right, bottom), (left2, top2, right2, bottom2) = before.box_px, now.box_px
    width, width2 = max(right - left, 1e-6), max(right2 - left2, 1e-6)
    if max(width, width2) > _MAX_GROWTH * min(width, width2):
        return float("inf")
    away = np.hypot((left + right - left2 - right2) / 2, (top + bottom - top2 - bottom2) / 2)
    return float(away / max(width, width2))
