"""The pairs that a tower is most wrong about: look at them before you believe a number."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.measures.scores import pair_blocks
from train.data.faces import FaceSet
from train.prepare.sheet import Cell, draw_sheet

_SIDE = 120
_GOOD, _BAD = "#1b7837", "#b2182b"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorstPair:
    """One pair.

    Attributes:
        kind: ``"impostor"`` or ``"genuine"``.
        left: Name of one picture.
        right: Name of the other.
        similarity: Cosine.
        distance: Euclidean distance of the embeddings at length 1.
        verdict: ``"same"`` or ``"different"`` at the threshold.
        rows: Where they are in the set.
    """

    kind: str
    left: str
    right: str
    similarity: float
    distance: float
    verdict: str
    rows: tuple[int, int]

    @property
    def wrong(self) -> bool:
        """Whether the verdict is."""
        return (self.verdict == "same") != (self.kind == "genuine")

    def as_mapping(self) -> dict[str, Any]:
        """The values as JSON holds them."""
        held = asdict(self)
        del held["rows"]
        return {**held, "wrong": self.wrong}


def find_worst(
    embeddings: npt.NDArray[np.floating], faces: FaceSet, threshold: float, *, each: int = 12
) -> tuple[WorstPair, ...]:
    """The most similar impostor pairs and the least similar genuine pairs.

    Args:
        embeddings: Shape (n, d), of the faces.
        faces: The set.
        threshold: For the verdicts.
        each: How many of each kind.
    """
    labels = faces.labels
    # Impostors by falling similarity, genuine pairs by rising: each list holds (badness, row, row).
    held: dict[str, list[tuple[float, int, int]]] = {"impostor": [], "genuine": []}
    for block in pair_blocks(embeddings):
        same = labels[block.rows, None] == labels[None, block.columns]
        valid = np.ones_like(same) if block.valid is None else block.valid
        for kind, of_kind, badness in (("impostor", ~same, block.scores), ("genuine", same, -block.scores)):
            least = held[kind][-1][0] if len(held[kind]) == each else -np.inf
            left, right = np.nonzero(of_kind & valid & (badness > least))
            values = badness[left, right]
            top = np.argsort(-values, kind="stable")[:each]
            held[kind] += [
                (float(values[at]), int(left[at]) + block.rows.start, int(right[at]) + block.columns.start)
                for at in top
            ]
            held[kind] = sorted(held[kind], key=lambda item: (-item[0], item[1:]))[:each]
    return tuple(
        _worst(kind, sign * badness, (left, right), faces, threshold)
        for kind, sign in (("impostor", 1), ("genuine", -1))
        for badness, left, right in held[kind]
    )


def _worst(kind: str, score: float, rows: tuple[int, int], faces: FaceSet, threshold: float) -> WorstPair:
    similarity = float(np.clip(score, -1, 1))
    return WorstPair(
        kind=kind,
        left=faces.names[rows[0]],
        right=faces.names[rows[1]],
        similarity=similarity,
        distance=float(np.sqrt(2 - 2 * similarity)),
        verdict="same" if similarity >= threshold else "different",
        rows=rows,
    )


def draw_worst(pairs: tuple[WorstPair, ...], faces: FaceSet, *, columns: int = 3) -> bytes:
    """A sheet of the pairs with names, similarity, distance and verdict, as PNG. It shows faces: personal data."""
    cells = [
        Cell(
            picture=np.concatenate([faces.pixels[row] for row in pair.rows], axis=1),
            caption=f"{pair.kind}: {pair.verdict}{' – wrong' if pair.wrong else ''}\n"
            f"similarity {pair.similarity:.3f}, distance {pair.distance:.3f}\n{pair.left}, {pair.right}",
            frame=_BAD if pair.wrong else _GOOD,
        )
        for pair in pairs
    ]
    wrong = sum(pair.wrong for pair in pairs)
    title = f"{len(pairs)} pairs: {wrong} judged wrongly (red), {len(pairs) - wrong} rightly (green)"
    return draw_sheet(cells, title=title, columns=columns, size_px=(2 * _SIDE, _SIDE))
