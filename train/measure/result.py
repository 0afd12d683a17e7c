"""What is measured beside all pairs, and the whole result of an evaluation."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from edge_runtime.errors import UsageError
from edge_runtime.measures.bootstrap import RESAMPLES, Intervals
from edge_runtime.measures.metrics import Pairs
from train.measure.cohorts import MIN_GENUINE, MIN_IMPOSTOR, Cohorts
from train.measure.data import Measured
from train.measure.decisions import Decisions
from train.measure.folds import ListedPairs
from train.measure.retrieval import Retrieval
from train.measure.shots import TRIALS, ShotAccuracy
from train.measure.verify import Verification
from train.measure.worst import WorstPair

# Beyond these a typing error would keep the machine busy for days, or take all of its memory.
_MOST, _MOST_RESAMPLES = 1_000_000, 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """What is measured beside the verification of all pairs.

    Attributes:
        threshold: A similarity to judge pairs at; None for the tower's own.
        pairs: A list of pairs (:mod:`train.data.pairs`).
        tags: A tags file (:mod:`train.measure.cohorts`).
        min_impostor: Impostor pairs below which a cohort's FMR is not given.
        min_genuine: Genuine pairs below which its FNMR is not given.
        ways: Classes in a one-shot trial; None for 20, or all where there are fewer.
        shots: Examples of each class.
        trials: One-shot trials.
        resamples: Resamples of the intervals.
        seed: Of all that is drawn.
    """

    threshold: float | None = None
    pairs: str | Path | None = None
    tags: str | Path | None = None
    min_impostor: int = MIN_IMPOSTOR
    min_genuine: int = MIN_GENUINE
    ways: int | None = None
    shots: int = 1
    trials: int = TRIALS
    resamples: int = RESAMPLES
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse numbers that measure nothing."""
        if not 20 <= self.resamples <= _MOST_RESAMPLES:
            raise UsageError(f"--resamples must be from 20 to {_MOST_RESAMPLES}, not {self.resamples}.")
        for name, least in (("ways", 2), ("shots", 1), ("trials", 1)):
            value = getattr(self, name)
            if value is not None and not least <= value <= _MOST:
                raise UsageError(f"--{name} must be from {least} to {_MOST}, not {value}.")
        if self.min_impostor < 1 or self.min_genuine < 1:
            raise UsageError("--min-pairs and --min-genuine must be 1 or more.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The result of an evaluation.

    Attributes:
        tower: What was evaluated.
        data: What it was measured on.
        result: The verification of all pairs.
        intervals: 95 % intervals of it; None with too few people.
        scores: All similarities, or counts of them.
        skipped: Pictures that could not be used.
        notes: What a reader must know, in sentences.
        measured: The pictures.
        decisions: What a threshold does; None where there is none and the people are too few to choose one.
        pairs: The result on a list of pairs.
        shots: One-shot accuracy.
        retrieval: Search by example.
        cohorts: Error rates of groups.
        worst: The pairs it is most wrong about.
        verdict_threshold: The one similarity at which those, and the groups, are judged.
    """

    tower: str
    data: str
    result: Verification
    intervals: Intervals | None
    scores: Pairs
    skipped: tuple[str, ...]
    notes: tuple[str, ...]
    measured: Measured
    decisions: Decisions | None
    pairs: ListedPairs | None
    shots: ShotAccuracy | None
    retrieval: Retrieval | None
    cohorts: Cohorts | None
    verdict_threshold: float
    worst: tuple[WorstPair, ...] = field(default=())

    def as_mapping(self) -> dict[str, Any]:
        """The values as JSON holds them."""
        parts = {
            "decisions": self.decisions,
            "pairs": self.pairs,
            "one_shot": self.shots,
            "retrieval": self.retrieval,
            "cohorts": self.cohorts,
        }
        return {
            "tower": self.tower,
            "data": self.data,
            "skipped": len(self.skipped),
            "notes": list(self.notes),
            **self.result.as_mapping(),
            "intervals": _intervals(self.intervals),
            "verdict_threshold": self.verdict_threshold,
            "worst": [pair.as_mapping() for pair in self.worst],
            **{name: part.as_mapping() if part else None for name, part in parts.items()},
        }


def _intervals(held: Intervals | None) -> dict[str, Any] | None:
    if held is None:
        return None
    tars = {f"{far:g}": list(interval) for far, interval in held.tar_at_far}
    return {**asdict(held), "tar_at_far": tars, "method": "bootstrap over people, percentiles, 95 %"}
