"""The pairs that a tower is most wrong about: look at them before you believe a number."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from edge_runtime.images import Image, encode_image
from edge_runtime.scores import pair_blocks
from train.data.faces import FaceSet

_SIDE, _GAP, _TEXT = 112, 8, 34
_GOOD, _BAD = (26, 127, 55), (207, 34, 46)


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
    """A sheet of the pairs with similarity, distance and verdict, as PNG. It shows faces: personal data."""
    tiles = [_tile(pair, faces) for pair in pairs]
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % columns)
    lines = [np.concatenate(tiles[at : at + columns], axis=1) for at in range(0, len(tiles), columns)]
    return encode_image(np.concatenate(lines), ".png")


def _tile(pair: WorstPair, faces: FaceSet) -> Image:
    tile = np.full((_SIDE + _TEXT + _GAP, 2 * _SIDE + 2 * _GAP, 3), 255, dtype=np.uint8)
    for place, row in enumerate(pair.rows):
        picture = np.broadcast_to(faces.pixels[row], (*faces.pixels[row].shape[:2], 3))
        tile[:_SIDE, place * _SIDE : (place + 1) * _SIDE] = cv2.resize(
            np.ascontiguousarray(picture), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA
        )
    colour = _BAD if pair.wrong else _GOOD
    words = f"{pair.kind}: {pair.verdict}{' - wrong' if pair.wrong else ''}"
    for line, text in enumerate((words, f"similarity {pair.similarity:.3f}, distance {pair.distance:.3f}")):
        at = (2, _SIDE + 14 + 15 * line)
        cv2.putText(tile, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.4, colour, 1, cv2.LINE_AA)
    return tile
