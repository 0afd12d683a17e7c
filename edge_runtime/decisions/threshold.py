"""Which similarity is needed: the card's threshold for the rate that the whole attempt may have, or a given one."""

from __future__ import annotations

from dataclasses import dataclass

from edge_runtime.commands.printable import printable
from edge_runtime.decisions.policy import DecisionPolicy
from edge_runtime.errors import UsageError
from edge_runtime.gallery.calibration import Calibration
from edge_runtime.gallery.match import Enrolled
from edge_runtime.measures.metrics import OperatingPoint
from edge_runtime.measures.rates import frame_rate_for, identification_rate, match_rate_for
from edge_runtime.towers.card import Card
from edge_runtime.towers.tower import Tower


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A threshold, and what is known of how often it lets somebody in by mistake.

    Attributes:
        value: Lowest similarity that is accepted.
        target: Share of strangers' attempts that may be accepted; None of a threshold of the user's own.
        comparisons: How many comparisons an attempt is: the people, or their templates where the best one counts.
        point: The card's operating point; None of a threshold of the user's own.
        raised_from: The card's threshold, if the gallery's calibration raised it.
    """

    value: float
    target: float | None = None
    comparisons: int = 1
    point: OperatingPoint | None = None
    raised_from: float | None = None

    @property
    def rate(self) -> float | None:
        """Share of strangers' frames accepted as somebody, from the FMR that was measured; None if unknown."""
        return None if self.point is None else identification_rate(self.point.fmr, self.comparisons)

    @property
    def rate_upper(self) -> float | None:
        """The same from the FMR's upper confidence bound."""
        return None if self.point is None else identification_rate(self.point.fmr_upper, self.comparisons)

    @property
    def words(self) -> str:
        """All of it as one line for people."""
        if self.point is None:
            return f"threshold {self.value:.3f}, your own: how often it accepts strangers is not known"
        among = "" if self.comparisons == 1 else f" a comparison, {self.comparisons} comparisons"
        raised = "" if self.raised_from is None else f" (calibrated; the card's is {self.raised_from:.3f})"
        rate = f"FMR {self.point.fmr:.2g} (at most {self.point.fmr_upper:.2g})"
        return (
            f"threshold {self.value:.3f}{raised}: {rate}{among}; "
            f"strangers accepted: {self.rate:.2g} (at most {self.rate_upper:.2g}), target {self.target:g}"
        )


def choose_threshold(
    tower: Tower,
    enrolled: Enrolled,
    policy: DecisionPolicy,
    *,
    target_fmr: float | None = None,
    threshold: float | None = None,
    calibration: Calibration | None = None,
) -> Threshold:
    """The threshold to decide with: the given one, or the card's for a target rate of the whole attempt.

    Args:
        tower: Whose card.
        enrolled: The people that a face is compared with.
        policy: How frames are fused.
        target_fmr: Share of strangers' attempts that may be accepted; the card's default if None.
        threshold: A similarity instead; how many are compared with is then the user's to think of.
        calibration: What the gallery's own people need: it raises the card's threshold, for the target that it was made
            for or a stricter one, and never lowers it.

    Raises:
        UsageError: The given one is no cosine; the card has none for the target; or the card's thresholds were
            measured with another interpreter than the one that runs here.
    """
    comparisons = _comparisons(tower.card, enrolled)
    if threshold is not None:
        if not -1 < threshold <= 1:
            raise UsageError(f"a threshold is a cosine similarity above -1 and at most 1, not {threshold}.")
        return Threshold(value=threshold, comparisons=comparisons)
    require_calibrated(tower)
    target = tower.card.default_fmr if target_fmr is None else target_fmr
    needed = frame_rate_for(1.0, policy.matches_needed, policy.frames) if policy.fusing == "k-of-n" else 1.0
    if target is None or (comparisons == 1 and needed == 1):
        point = tower.card.operating_point(target)
    else:
        point = _tightened(tower.card, target, comparisons, needed)
    raised = calibration is not None and calibration.threshold > point.threshold and (
        target_fmr is None or target_fmr <= calibration.target_fmr
    )  # fmt: skip
    return Threshold(
        value=calibration.threshold if calibration is not None and raised else point.threshold,
        target=point.target_fmr if target is None else target,
        comparisons=comparisons,
        point=point,
        raised_from=point.threshold if raised else None,
    )


def require_calibrated(tower: Tower) -> None:
    """Refuse a tower whose thresholds do not hold here.

    Raises:
        UsageError: They were measured with another interpreter than the one that runs here.
    """
    if not tower.calibrated:
        raise UsageError(
            f"this tower's thresholds were measured with {printable(tower.card.runtime):.100}, not "
            f"{tower.backend.distribution}: its error rates are unknown here. "
            "Install that interpreter, or give a --threshold that you measured yourself."
        )


def card_point(tower: Tower, target_fmr: float | None) -> OperatingPoint:
    """The card's operating point that keeps one comparison to a target FMR (the card's default if None).

    Raises:
        UsageError: The card has none, or its thresholds do not hold here.
    """
    require_calibrated(tower)
    if target_fmr is None:
        return tower.card.operating_point()
    return _tightened(tower.card, target_fmr, 1, 1.0)


def _comparisons(card: Card, enrolled: Enrolled) -> int:
    """How many comparisons that the card's FMR holds for an attempt is."""
    by_template = enrolled.score == "best" and card.person_score != "best"
    return len(enrolled.matrix) if by_template else len(enrolled.names)


def _tightened(card: Card, target: float, comparisons: int, share: float) -> OperatingPoint:
    """The card's loosest operating point that keeps an attempt of several comparisons to the target."""
    if not 0 < target < 1:
        raise UsageError(f"a target rate lies between 0 and 1, not {target}.")
    wanted = match_rate_for(target * share, comparisons)
    kept = [point for point in card.thresholds if point.target_fmr <= wanted * (1 + 1e-6)]
    if kept:
        return max(kept, key=lambda point: point.target_fmr)
    known = ", ".join(f"{point.target_fmr:g}" for point in card.thresholds) or "none"
    lowest = min((point.target_fmr for point in card.thresholds), default=1.0) * comparisons / share
    higher = f"take --fmr {lowest:.6g} or higher, " if lowest < 1 else ""
    raise UsageError(
        f"to accept {target:g} of strangers at most in {comparisons} comparisons the card needs a threshold for "
        f"FMR {wanted:.2g} (it has: {known}). Verify a name instead of identifying, enrol fewer people, {higher}"
        "export the tower with more people to calibrate on, or set a threshold yourself with --threshold."
    )
