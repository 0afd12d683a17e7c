"""What is known of one tower on one set of people: who was acquired, how it errs, beside whom, and where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.towers.bins import by_measure, by_source
from benchmarks.towers.embed import Embedded
from benchmarks.towers.figures import Labels, Rows, at_card_thresholds, differences, figures, on_a_sphere
from benchmarks.towers.pictures import PictureSet
from edge_runtime.measures.metrics import PairCounts, count_pairs, threshold_for
from edge_runtime.measures.scores import unit_rows
from edge_runtime.towers.tower import Tower

# Of the threshold for the error table where the card has none that holds here.
_COMMON_FMR = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """Another system's descriptors of a set.

    Attributes:
        rows: float32 of shape (n, d), NaN where it has none.
        centre: float32 of shape (d,): mean descriptor of other pictures.
    """

    rows: npt.NDArray[np.float32]
    centre: npt.NDArray[np.float32]

    def compared_by(self, which: npt.NDArray[np.bool_]) -> dict[str, Rows]:
        """The rows of some pictures, ready for cosines that order pairs by each of three measures."""
        chosen = self.rows[which]
        return {
            "Euclidean distance": on_a_sphere(chosen),
            "cosine": chosen,
            "centred cosine": chosen - self.centre,
        }

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """Which pictures have one."""
        return np.asarray(np.isfinite(self.rows).all(axis=1))


def measure_set(
    tower: Tower, pictures: PictureSet, made: Embedded, *, sources: Sequence[str] | None, beside: Beside | None
) -> dict[str, Any]:
    """Everything about a tower on a set.

    Args:
        tower: The tower.
        pictures: The set.
        made: Its embeddings.
        sources: Which source set each picture is from; None if that is not known.
        beside: Another system's descriptors of the pictures.

    Raises:
        DataError: Too few pictures are left for pairs of both kinds.
    """
    labels, kept = pictures.labels, made.acquired
    rows, whose = made.int8[kept], labels[kept]
    counts = count_pairs(rows, whose)
    found = made.found
    return {
        "folder": pictures.folder.name,
        "people": int(np.unique(labels).size),
        "pictures": len(labels),
        "acquisition": _acquisition(made.reasons, sources),
        "int8": figures(rows, whose, counts),
        "int8_found": None if (found == kept).all() else figures(made.int8[found], labels[found]),
        "float": None if made.float32 is None else figures(made.float32[kept], whose),
        "thresholds": at_card_thresholds(tower.card, counts),
        "cosine_to_float": None if made.float32 is None else _agreement(rows, made.float32[kept]),
        "float_difference": None if made.float32 is None else differences(made.float32[kept], rows, whose),
        "beside": None if beside is None else _beside(beside, labels, kept, made.int8),
        "errors": _errors(tower, made, labels, counts, sources),
    }


def _acquisition(reasons: Sequence[str], sources: Sequence[str] | None) -> dict[str, Any]:
    def count(chosen: Sequence[str]) -> dict[str, Any]:
        held = Counter(chosen)
        return {"pictures": len(chosen), "acquired": held.pop("", 0), "reasons": dict(sorted(held.items()))}

    by_set = {
        name: count([reason for reason, source in zip(reasons, sources, strict=True) if source == name])
        for name in sorted(set(sources or ()))
        if sources
    }
    return {**count(reasons), "by_source": by_set}


def _agreement(int8: Rows, floats: Rows) -> dict[str, float]:
    cosines = np.sum(unit_rows(int8) * unit_rows(floats), axis=1)
    return {"mean": float(cosines.mean()), "lowest": float(cosines.min())}


def _beside(beside: Beside, labels: Labels, kept: npt.NDArray[np.bool_], int8: Rows) -> dict[str, Any]:
    """The other system on all pictures that it knows, and on those of them that the tower acquired."""
    same = beside.known & kept
    of_same = beside.compared_by(same)
    return {
        "pictures": int(beside.known.sum()),
        "all": {how: figures(rows, labels[beside.known]) for how, rows in beside.compared_by(beside.known).items()},
        "same": {how: figures(rows, labels[same]) for how, rows in of_same.items()},
        "int8_difference": {how: differences(rows, int8[same], labels[same]) for how, rows in of_same.items()},
    }


def _errors(
    tower: Tower, made: Embedded, labels: Labels, counts: PairCounts, sources: Sequence[str] | None
) -> dict[str, Any]:
    """Errors by what the pictures are like, at the card's default threshold if it holds here."""
    card, kept = tower.card, made.acquired
    if tower.calibrated and card.default_fmr is not None:
        threshold, origin = card.operating_point().threshold, f"the card's, for a target FMR of {card.default_fmr:g}"
    else:
        threshold, origin = threshold_for(counts, _COMMON_FMR), f"that of FMR {_COMMON_FMR:g} on these pairs"
    rows, whose = made.int8[kept], labels[kept]
    tables = []
    if sources is not None:
        chosen = [source for source, is_kept in zip(sources, kept, strict=True) if is_kept]
        tables.append(by_source(rows, whose, chosen, threshold))
    measured = {"face size": made.interocular_px, "sharpness": made.sharpness, "turn of the head": made.turn}
    for name, values in measured.items():
        if np.isfinite(values[kept]).all():
            tables.append(by_measure(rows, whose, values[kept], threshold, name=name))
    return {"threshold": threshold, "origin": origin, "tables": tables}
