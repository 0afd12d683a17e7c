"""How long nobody is compared after repeated rejections, and that no clock, restart or power cut shortens it.

After five rejections in a row the next attempt must wait 30 seconds, and twice as long after each further one: what
NIST SP 800-63B (2017, section 5.2.3) asks of biometrics. An acceptance ends the row; time does not.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from pathlib import Path

from edge_runtime.errors import UsageError

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class LockoutPolicy:
    """When attempts must wait, and how long.

    Attributes:
        max_rejections: Rejections in a row from which on the next attempt must wait; 0 for never.
        first_s: How long after the first of them.
        longest_s: How long at most.
    """

    max_rejections: int = 5
    first_s: float = 30.0
    longest_s: float = 3600.0

    def __post_init__(self) -> None:
        """Refuse a policy that could never end."""
        if not isinstance(self.max_rejections, int) or not 0 <= self.max_rejections <= 1000:
            raise UsageError(f"the rejections in a row must be from 0 (never) to 1000, not {self.max_rejections!r}.")
        if not 0 < self.first_s <= self.longest_s <= 86400:
            raise UsageError(
                f"a lockout lasts more than 0 and at most 86400 seconds, not {self.first_s!r} to {self.longest_s!r}."
            )

    def wait_s(self, rejections: int) -> float:
        """How long the next attempt must wait after so many rejections in a row, in seconds."""
        if not self.max_rejections or rejections < self.max_rejections:
            return 0.0
        # Beyond 40 doublings the longest wait was reached long ago.
        return min(self.longest_s, self.first_s * 2.0 ** min(rejections - self.max_rejections, 40))


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Now, by the two clocks that there are.

    Attributes:
        wall_s: Seconds since 1970: it lasts over a restart, but can be set, and many boards begin without it.
        up_s: Seconds since the machine was started: nobody can set it.
        boot: Which start that was; empty if the system does not say.
    """

    wall_s: float
    up_s: float
    boot: str

    @classmethod
    def now(cls) -> Moment:
        """The present one."""
        clock = getattr(time, "CLOCK_BOOTTIME", None)
        up_s = time.monotonic() if clock is None else time.clock_gettime(clock)
        try:
            boot = _BOOT_ID.read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            boot = ""
        return cls(wall_s=time.time(), up_s=up_s, boot=boot)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Rejections in a row, and what is left to wait for.

    Attributes:
        rejections: How many.
        wait_s: How long the next attempt had to wait at ``at``.
        at: When that was.
    """

    rejections: int
    wait_s: float
    at: Moment

    def __post_init__(self) -> None:
        """Refuse what no rejection leaves behind."""
        times = (self.wait_s, self.at.wall_s, self.at.up_s)
        if type(self.rejections) is not int or self.rejections < 1 or not all(map(math.isfinite, times)):
            raise UsageError("a row of rejections has a number and finite times.")
        if self.wait_s < 0 or not isinstance(self.at.boot, str):
            raise UsageError("nobody waits for less than no time.")


def left_s(row: Row, now: Moment) -> float:
    """How long the next attempt must still wait, in seconds.

    Within one run of the machine only the clock that nobody can set counts. After a restart it is the wall clock; if
    that has gone backwards, no time has passed.
    """
    same_run = bool(row.at.boot) and row.at.boot == now.boot
    passed = now.up_s - row.at.up_s if same_run else now.wall_s - row.at.wall_s
    return max(0.0, row.wait_s - max(0.0, passed)) if math.isfinite(passed) else row.wait_s


def looked_at(row: Row, now: Moment) -> Row:
    """The row counted from now on: what is left is the same, whatever the clocks showed before."""
    return replace(row, wait_s=left_s(row, now), at=now)


def rejected(row: Row | None, policy: LockoutPolicy, now: Moment) -> Row:
    """The row after one more rejection; the wait is never shorter than what was left."""
    rejections = 1 if row is None else row.rejections + 1
    left = 0.0 if row is None else left_s(row, now)
    return Row(rejections=rejections, wait_s=max(left, policy.wait_s(rejections)), at=now)
