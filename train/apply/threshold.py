"""From which similarity on two pictures count as one person, and who says so."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.errors import DataError, UsageError
from edge_runtime.files import read_json
from edge_runtime.towers.bundle import read_bundle
from edge_runtime.towers.interpreter import choose_backend
from train.fitting.run import RunFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A threshold and where it comes from.

    Attributes:
        value: Lowest similarity that is accepted.
        source: ``"option"``, ``"card"`` or ``"run-eer"``.
        origin: The same for a person.
    """

    value: float
    source: str
    origin: str


def choose_threshold(tower: str | Path, *, threshold: float | None = None, fmr: float | None = None) -> Threshold:
    """The threshold that was given, or that of the tower.

    Args:
        tower: A run folder, a ``.keras`` or a ``.tflite`` file.
        threshold: A similarity, -1 to 1, which then counts.
        fmr: Target false match rate of one of a ``.tflite`` card's thresholds; the card's default if None.

    Raises:
        UsageError: Both are given, the threshold is no similarity, or the tower has none for the rate.
        DataError: A run has no metrics.
        TowerError: The ``.tflite`` file must not be used.
    """
    if threshold is not None:
        if fmr is not None:
            raise UsageError("--threshold and --fmr exclude each other: a card's threshold, or one of your own.")
        if not (math.isfinite(threshold) and -1 <= threshold <= 1):
            raise UsageError(f"--threshold is a cosine similarity from -1 to 1, not {threshold}.")
        return Threshold(value=threshold, source="option", origin="given by --threshold")
    place = Path(tower)
    return _of_card(place, fmr) if place.suffix == ".tflite" else _of_run(place, fmr)


def _of_card(path: Path, fmr: float | None) -> Threshold:
    card = read_bundle(path).card
    point = card.operating_point(fmr)
    origin = (
        f"the card's, for a false match rate of {point.target_fmr:g} "
        f"({point.false_matches} of {point.impostor_pairs} impostor pairs, 95 % upper bound {point.fmr_upper:.2g})"
    )
    here = choose_backend(None).family
    if card.runtime_family != here:
        origin += f"; measured with {card.runtime_family}, and {here} runs here: it may not hold"
    return Threshold(value=point.threshold, source="card", origin=origin)


def _of_run(path: Path, fmr: float | None) -> Threshold:
    run = RunFolder(root=path if path.is_dir() else path.parent)
    if fmr is not None:
        raise UsageError(
            f"--fmr chooses among the thresholds of a .tflite card; {path} has none. Export the tower first "
            f"(python -m export convert {run.root} --representative FACES --out tower.tflite), or give --threshold."
        )
    if not run.metrics.exists():
        raise DataError(f"{run.root} has no metrics.json and so no threshold. Give one yourself with --threshold.")
    held = read_json(run.metrics, what="the metrics of this run")
    if held.get("validation", held) is None:
        raise DataError(f"{run.root} was trained on everyone and has no threshold. Give one yourself with --threshold.")
    try:
        value, eer = float(held["validation"]["eer_threshold"]), float(held["validation"]["eer"])
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{run.metrics} has no EER threshold ({error}). Give one yourself with --threshold.") from error
    origin = f"the EER threshold of the run's validation people (EER {eer:.1%}), made for no false match rate"
    return Threshold(value=value, source="run-eer", origin=origin)
