"""What is asked of whoever is before the camera, and what was found."""

from __future__ import annotations

from dataclasses import dataclass

from edge_runtime.errors import UsageError

MODES = ("off", "on", "required")

# Reason codes. What each means is in docs/liveness.md.
FLAT = "flat"
SPOOF = "spoof"
NOT_ENOUGH_MOTION = "not-enough-motion"
CHALLENGE_FAILED = "challenge-failed"
CHALLENGE_NOT_DONE = "challenge-not-done"
PASSIVE_NOT_DONE = "too-few-looks"
NO_LIVENESS = "no-liveness"


@dataclass(frozen=True, slots=True, kw_only=True)
class LivenessPolicy:
    """Whether it matters that a person is before the camera, and how that is found out.

    Attributes:
        mode: ``"off"``; ``"on"``: who is found to be a picture is refused, and who gives no sign either way is not;
            ``"required"``: only who is found to be a person by every test that is used may be accepted.
        planarity: Whether the planarity test is used.
        challenge: Whether movements are asked for. Only where it is required.
        moves: How many movements.
        move_s: Time for each.
        mirrored: Whether left and right are swapped in the frames (by ``--mirror`` or by the camera, not by both).
    """

    mode: str = "off"
    planarity: bool = True
    challenge: bool = False
    moves: int = 3
    move_s: float = 4.0
    mirrored: bool = False

    def __post_init__(self) -> None:
        """Refuse a policy that would test nothing, or could not be met."""
        if self.mode not in MODES:
            raise UsageError(f"liveness must be {' or '.join(MODES)}, not {self.mode!r}.")
        if self.challenge and self.mode != "required":
            raise UsageError(f"a challenge makes sense only where liveness is required, not {self.mode}.")
        if not isinstance(self.moves, int) or not 2 <= self.moves <= 8:
            raise UsageError(f"a challenge has 2 to 8 movements, not {self.moves!r}.")
        if not 1 <= self.move_s <= 30:
            raise UsageError(f"a movement of the challenge has 1 to 30 seconds, not {self.move_s!r}.")

    @property
    def extra_s(self) -> float:
        """Time that an attempt has besides its own, because movements are asked for."""
        return self.moves * self.move_s if self.challenge else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Liveness:
    """What is known so far of one track.

    Attributes:
        live: Whether it is a person: True, False (a picture, or a challenge not met), or None while it is not known.
        reason: Code of the reason; ``"live"`` if it is a person.
        advice: What the person before the camera may do.
        prompt: The movement that is asked for now; None if none is.
    """

    live: bool | None
    reason: str
    advice: str = ""
    prompt: str | None = None


UNKNOWN = Liveness(live=None, reason=NO_LIVENESS, advice="show yourself to the camera, not a photograph")
LIVE = Liveness(live=True, reason="live")


def combined(findings: list[Liveness]) -> Liveness:
    """What several tests say together: one that says no decides, and a yes needs all of them.

    Args:
        findings: One for each test; without any, nothing is known.
    """
    if not findings:
        return UNKNOWN
    no = next((finding for finding in findings if finding.live is False), None)
    open_ = next((finding for finding in findings if finding.live is not True), None)
    return no or open_ or LIVE
