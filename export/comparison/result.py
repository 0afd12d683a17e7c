"""What a comparison found: for each tower what it costs and how well it does, and what a reader should know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from edge_runtime.measures.bootstrap import MIN_PEOPLE
from edge_runtime.measures.metrics import OperatingPoint
from export.comparison.accuracy import FARS, Accuracy, Estimate
from export.comparison.memory import Memory
from export.comparison.race import Latency
from export.comparison.towers import Contender

_RATE_DIGITS, _MS_DIGITS = 6, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A tower's line.

    Attributes:
        contender: The tower.
        accuracy: Its error rates.
        difference: What it has more than the first tower; None for the first itself.
        own: Its error rates at its card's default threshold; None if that does not hold here.
        latency: Its time.
        memory: Its memory; None where the system does not tell.
    """

    contender: Contender
    accuracy: Accuracy
    difference: Accuracy | None
    own: OperatingPoint | None
    latency: Latency
    memory: Memory | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """What the towers were compared on.

    Attributes:
        folder: Where they lay.
        sha256: Of their names and contents.
        kind: ``"prepared faces"`` or ``"photographs"``.
        people: How many people.
        pictures: How many pictures.
        skipped: Pictures that some tower could not use, or that were there twice.
        left_out: Pictures of people whom a run was trained on.
        genuine_pairs: Pairs of one person.
        impostor_pairs: Pairs of two people.
    """

    folder: str
    sha256: str
    kind: str
    people: int
    pictures: int
    skipped: int
    left_out: int
    genuine_pairs: int
    impostor_pairs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The whole comparison.

    Attributes:
        device: Name of the machine.
        busy_cores: Cores that other work kept busy while times were taken; None where that is not known.
        interpreter: What ran the towers.
        threads: Threads computed with.
        resamples: Resamples of people behind the intervals.
        seed: Of the order, the draws and the choice of pictures.
        pictures: What was compared on.
        entries: The towers, in the order given.
        beaten: Names of towers that are slower and worse than another, and of that other.
        notes: What else a reader should know.
    """

    device: str
    busy_cores: float | None
    interpreter: str
    threads: int
    resamples: int
    seed: int
    pictures: Pictures
    entries: tuple[Entry, ...]
    beaten: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]

    def as_mapping(self) -> dict[str, Any]:
        """Plain values for JSON; rates are fractions, times ms, sizes bytes, None what is not known."""
        return {
            "device": self.device,
            "busy_cores": self.busy_cores,
            "interpreter": self.interpreter,
            "threads": self.threads,
            "resamples": self.resamples,
            "seed": self.seed,
            "pictures": asdict(self.pictures),
            "towers": [_entry_values(entry) for entry in self.entries],
            "slower_and_worse": [{"tower": one, "than": other} for one, other in self.beaten],
            "notes": list(self.notes),
        }


def _entry_values(entry: Entry) -> dict[str, Any]:
    one, card, own = entry.contender, entry.contender.tower.card, entry.own
    return {
        "name": one.name,
        "path": str(one.path),
        "sha256": one.sha256,
        "card_name": card.name,
        "recipe": card.recipe,
        "fingerprint": one.tower.fingerprint,
        "input": {"size_px": card.input.size_px, "colour": card.input.colour},
        "embedding_length": card.embedding_length,
        "file_bytes": one.file_bytes,
        "model_bytes": one.model_bytes,
        "memory": None if entry.memory is None else asdict(entry.memory),
        "latency": {
            "median_ms": round(entry.latency.median_ms, _MS_DIGITS),
            "p95_ms": round(entry.latency.p95_ms, _MS_DIGITS),
            "ratio_to_first": round(entry.latency.ratio, _MS_DIGITS),
            "ratio_interval": [round(end, _MS_DIGITS) for end in entry.latency.ratio_interval],
            "runs": entry.latency.runs,
        },
        "accuracy": _accuracy_values(entry.accuracy),
        "difference_to_first": None if entry.difference is None else _accuracy_values(entry.difference),
        "at_own_threshold": None if own is None else asdict(own),
    }


def _accuracy_values(accuracy: Accuracy) -> dict[str, Any]:
    tars = {f"{far:g}": _estimate(tar) for far, tar in zip(FARS, accuracy.tar_at_far, strict=True)}
    return {"eer": _estimate(accuracy.eer), "auc": _estimate(accuracy.auc), "tar_at_far": tars}


def _estimate(estimate: Estimate | None) -> dict[str, Any] | None:
    if estimate is None:
        return None
    ends = estimate.interval and [round(end, _RATE_DIGITS) + 0.0 for end in estimate.interval]
    return {"value": round(estimate.value, _RATE_DIGITS) + 0.0, "interval": ends}


def comparison_notes(
    contenders: Sequence[Contender],
    pictures: Pictures,
    *,
    same: Sequence[tuple[str, str]],
    runs_known: bool,
    validated: Sequence[str] = (),
) -> tuple[str, ...]:
    """What the figures do not say themselves.

    Args:
        contenders: The towers.
        pictures: What they were compared on.
        same: Names of those that are one file.
        runs_known: Whether the user gave training runs, whose people were left out.
        validated: Names of the people whom a run was validated on.
    """
    notes = [f"{first} and {again} are the same file: their difference is this run's noise." for first, again in same]
    if not runs_known:
        notes.append(
            "a tower file does not say whom it was trained on. A tower that was trained on any of these people looks "
            "better than it is: give the runs with --run, and they are left out."
        )
    if validated:
        notes.append(
            f"{len(validated)} of these people were validated on: they chose the epoch and the threshold of a tower, "
            "so its figures are a little too good."
        )
    for one in contenders:
        if one.tower.card.evaluation.get("sha256") == pictures.sha256:
            notes.append(
                f"the threshold of {one.name} was solved on these very pictures: its FMR there is no surprise."
            )
        if not one.tower.calibrated:
            notes.append(
                f"the threshold of {one.name} was measured with {one.tower.card.runtime}, so it does not hold here."
            )
    if pictures.people < MIN_PEOPLE:
        notes.append(f"{pictures.people} people are too few for intervals of error rates; {MIN_PEOPLE} are needed.")
    return tuple(dict.fromkeys(notes))
