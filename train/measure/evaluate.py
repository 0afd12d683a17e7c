"""Evaluation of any tower on any pictures: the same pairs and the same numbers for Keras and TFLite."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import DataError, UsageError
from edge_runtime.measures.bootstrap import Intervals, bootstrap
from edge_runtime.measures.metrics import PairCounts, Pairs, count_pairs
from edge_runtime.towers.bundle import read_bundle
from train.apply.threshold import choose_threshold
from train.data.pairs import read_pairs, resolve_pairs
from train.measure.cohorts import measure_cohorts, read_tags
from train.measure.crossfit import at_eer, cross_fit, people_folds
from train.measure.data import Choice, Measured, read_measured, refuse_trained_people, validation_overlap
from train.measure.decisions import Decisions, decide, decided_by_others
from train.measure.folds import measure_pairs
from train.measure.result import Evaluation, Protocol
from train.measure.retrieval import measure_retrieval
from train.measure.shots import ShotAccuracy, measure_shots, usual_ways
from train.measure.towers import LoadedTower, load_tower
from train.measure.verify import Verification, summarise, verify
from train.measure.worst import find_worst

__all__ = ["Evaluation", "LoadedTower", "Protocol", "evaluate", "load_tower", "refuse_trained_people"]

# All pairs of so many pictures (4.5 million) are compared exactly; those of more are counted on a fine grid.
_EXACT_PICTURES = 3000


def evaluate(
    tower_path: str | Path,
    data: str | Path,
    *,
    people: Sequence[str] = (),
    choice: Choice | None = None,
    protocol: Protocol | None = None,
    run: str | Path | None = None,
) -> Evaluation:
    """Measure a tower on a source of pictures.

    Args:
        tower_path: See :func:`train.measure.towers.load_tower`.
        data: A source (:mod:`train.data.sources`); photographs are aligned at the tower's size first.
        people: Names of the people to evaluate, if ``choice`` is None; all if empty.
        choice: Which pictures.
        protocol: What else is measured.
        run: The run that a ``.tflite`` file comes from.

    Raises:
        UsageError: A name is unknown, or the tower was trained on one of the people.
        DataError: The data cannot be used.
        TowerError: The tower must not be used.
    """
    protocol = protocol or Protocol()
    tower = load_tower(tower_path, run=run)
    measured = read_measured(data, tower, choice or Choice(people=people))
    faces = measured.faces
    embeddings = tower.embed(faces.pixels)
    counts = count_pairs(embeddings, faces.labels)
    result, scores = _verify(embeddings, faces.labels, counts)
    decisions = _decide(tower_path, tower, measured, (embeddings, scores, counts), protocol)
    threshold = result.eer_threshold if decisions is None or decisions.threshold is None else decisions.threshold
    listed = None
    if protocol.pairs is not None:
        own = None if decisions is None else decisions.threshold
        listed = measure_pairs(embeddings, resolve_pairs(read_pairs(protocol.pairs), faces), threshold=own)
    cohorts = None
    if protocol.tags is not None:
        least = {"min_impostor": protocol.min_impostor, "min_genuine": protocol.min_genuine}
        cohorts = measure_cohorts(embeddings, faces.labels, read_tags(protocol.tags, faces), threshold, **least)
    return Evaluation(
        tower=tower.name,
        data=str(data),
        result=result,
        intervals=_bootstrap(embeddings, faces.labels, counts, result, protocol),
        scores=scores,
        skipped=measured.skipped,
        notes=(*measured.notes, *_notes(tower, measured, result)),
        measured=measured,
        decisions=decisions,
        pairs=listed,
        shots=_shots(embeddings, faces.labels, protocol),
        retrieval=measure_retrieval(embeddings, faces.labels),
        cohorts=cohorts,
        verdict_threshold=threshold,
        worst=find_worst(embeddings, faces, threshold),
    )


def _verify(
    embeddings: npt.NDArray[np.float32], labels: npt.NDArray[np.int64], counts: PairCounts
) -> tuple[Verification, Pairs]:
    if len(labels) <= _EXACT_PICTURES:
        return verify(embeddings, labels)
    return summarise(counts, labels), counts


def _bootstrap(
    embeddings: npt.NDArray[np.float32],
    labels: npt.NDArray[np.int64],
    counts: PairCounts,
    result: Verification,
    protocol: Protocol,
) -> Intervals | None:
    fars = [far for far, tar in result.tar_at_far if tar is not None]
    return bootstrap(embeddings, labels, counts, fars=fars, resamples=protocol.resamples, seed=protocol.seed)


def _shots(
    embeddings: npt.NDArray[np.float32], labels: npt.NDArray[np.int64], protocol: Protocol
) -> ShotAccuracy | None:
    ways = usual_ways(labels, protocol.shots) if protocol.ways is None else protocol.ways
    if not ways and protocol.shots == 1:
        return None
    shots, trials = protocol.shots, protocol.trials
    return measure_shots(embeddings, labels, ways=ways or 2, shots=shots, trials=trials, seed=protocol.seed)


def _decide(
    path: str | Path,
    tower: LoadedTower,
    measured: Measured,
    pairs: tuple[npt.NDArray[np.float32], Pairs, PairCounts],
    protocol: Protocol,
) -> Decisions | None:
    """Judge at the given threshold, else the tower's own; never at one that the very same pairs chose."""
    embeddings, scores, counts = pairs
    if protocol.threshold is not None:
        held = choose_threshold(path, threshold=protocol.threshold)
        return decide(scores, held.value, held.origin)
    own = None if validation_overlap(tower, measured.faces) else _at_own_threshold(path, scores)
    if own is not None:
        return own
    folds = people_folds(embeddings, measured.faces.labels, counts, seed=protocol.seed)
    fitted = None if folds is None else cross_fit(folds, at_eer)
    return None if fitted is None else decided_by_others(fitted)


def _at_own_threshold(path: str | Path, scores: Pairs) -> Decisions | None:
    """Judge at the threshold of the card or the run; None where there is none, or these very pairs chose it."""
    try:
        held = choose_threshold(path)
    except (DataError, UsageError):
        return None
    decisions = decide(scores, held.value, held.origin)
    if held.source == "card":
        point = read_bundle(path).card.operating_point()
        counted = (point.impostor_pairs, point.genuine_pairs, point.false_matches)
        if counted == (decisions.impostor_pairs, decisions.genuine_pairs, decisions.false_matches):
            return None
    return decisions


def _notes(tower: LoadedTower, measured: Measured, result: Verification) -> list[str]:
    notes = []
    if tower.training is None:
        notes.append(
            "Who the tower was trained on is not known, so it was not checked: give the run folder, or --run RUN."
        )
    elif tower.training.split.by == "pictures":
        notes.append("The run divided pictures, not people: the classes are those it was trained on, not new ones.")
    overlap = validation_overlap(tower, measured.faces)
    if overlap:
        notes.append(f"{overlap} of the pictures are the run's validation pictures, which picked its best epoch.")
    if result.people < 30:
        notes.append(f"{result.people} people are few: the numbers say little about others, whatever the pairs.")
    return notes
