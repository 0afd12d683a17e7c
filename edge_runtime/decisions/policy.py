"""What can be told of how evidence becomes a decision."""

from __future__ import annotations

from dataclasses import dataclass

from edge_runtime.errors import UsageError

FACE_POLICIES = ("exactly-one", "largest", "centre", "all")
FUSINGS = ("weighted", "mean", "k-of-n")


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionPolicy:
    """How evidence becomes a decision.

    Attributes:
        frames: Good frames of one person that are compared. A source that ends earlier is judged by the good frames
            that it had.
        spacing_s: Least stream time between two frames that count, so that they are not five times the same moment.
        timeout_s: Time after which an attempt without enough good frames is refused.
        faces: Whose face counts where there are several: nobody's (``"exactly-one"``), that of the largest or the most
            central one, or everybody's on their own (``"all"``, for watching only).
        fusing: How frames become one similarity: their mean weighted by quality, their mean, or how many of them match
            (``"k-of-n"``).
        needed: Of ``"k-of-n"``, how many frames must match; all of them if None.
        min_margin: In identification, by how much the nearest person must be nearer than the next.
        rearm_s: In watching, how long no face must be seen until the next attempt may begin.
        same_person: Lowest similarity of two frames of one track; if None, the threshold of verification.
    """

    frames: int = 5
    spacing_s: float = 0.2
    timeout_s: float = 10.0
    faces: str = "exactly-one"
    fusing: str = "weighted"
    needed: int | None = None
    min_margin: float = 0.0
    rearm_s: float = 1.0
    same_person: float | None = None

    def __post_init__(self) -> None:
        """Refuse a policy that could never decide."""
        if not isinstance(self.frames, int) or not 1 <= self.frames <= 100:
            raise UsageError(f"frames must be a whole number from 1 to 100, not {self.frames!r}.")
        if not 0 <= self.spacing_s <= 10:
            raise UsageError(f"the spacing must be from 0 to 10 seconds, not {self.spacing_s!r}.")
        if not 0 < self.timeout_s <= 3600:
            raise UsageError(f"the timeout must be more than 0 and at most 3600 seconds, not {self.timeout_s!r}.")
        if self.faces not in FACE_POLICIES:
            raise UsageError(f"the policy for several faces must be {' or '.join(FACE_POLICIES)}, not {self.faces!r}.")
        if self.fusing not in FUSINGS:
            raise UsageError(f"the way to fuse frames must be {' or '.join(FUSINGS)}, not {self.fusing!r}.")
        self._check_needed()
        if not 0 <= self.min_margin <= 2:
            raise UsageError(f"the margin must be from 0 to 2, not {self.min_margin!r}.")
        if not 0 <= self.rearm_s <= 60:
            raise UsageError(f"the time until the next attempt must be from 0 to 60 seconds, not {self.rearm_s!r}.")
        if self.same_person is not None and not -1 < self.same_person <= 1:
            raise UsageError(f"a similarity must be above -1 and at most 1, not {self.same_person!r}.")

    def _check_needed(self) -> None:
        if self.needed is None:
            return
        if self.fusing != "k-of-n":
            raise UsageError(f"a number of frames that match must be given for k-of-n only, not for {self.fusing}.")
        if not isinstance(self.needed, int) or not 1 <= self.needed <= self.frames:
            raise UsageError(f"the frames that match must be from 1 to {self.frames}, not {self.needed!r}.")

    @property
    def matches_needed(self) -> int:
        """How many frames must match on their own, where they are counted."""
        return self.frames if self.needed is None else self.needed
