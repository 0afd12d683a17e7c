"""The validation people, measured after each epoch."""

from __future__ import annotations

from typing import Any

import numpy as np

from edge_runtime.measures.metrics import PairScores
from edge_runtime.towers.preprocess import InputSpec
from train.batches.pairs import draw_pairs
from train.batches.people import people_rows
from train.config import Config
from train.data.faces import FaceSet
from train.keras_quietly import tf
from train.measure.verify import embed_pixels, verify

# TAR is watched at the lowest of these FARs that the pairs resolve with ten false matches.
_FARS = (1e-3, 1e-2, 1e-1)
# All pairs of 2,000 pictures are two million: enough to choose an epoch by, and a second's work.
_MOST_PICTURES, _MOST_OF_ONE = 2000, 50
_MOST_PAIRS = 20_000


class Validation:
    """Measures a tower on the validation people.

    Attributes:
        scores: Similarities of all pairs at the last measurement; None before it.
    """

    def __init__(self, faces: FaceSet, config: Config) -> None:
        """Take the validation people and the run's configuration."""
        rng = np.random.default_rng([config.seed, 0xE7A1])
        self._spec: InputSpec = config.input
        self._compared = _enough(faces, rng)
        self._paired: tuple[FaceSet, Any] | None = None
        if config.batch.sampler != "pk" and not config.teacher.path:
            # The loss on fixed pairs of people who are not trained on, as the tutorials report it.
            people = people_rows(faces.labels)
            self._paired = faces, draw_pairs(people, min(2 * len(faces.labels), _MOST_PAIRS), rng)
        self.scores: PairScores | None = None

    def measure(self, tower: Any, objective: Any) -> dict[str, float]:
        """Verify all pairs.

        Returns:
            ``val_eer``, ``val_auc``, ``val_tar`` at the FAR ``val_tar_far``, and ``val_loss`` where training is by
            pairs.
        """
        embeddings = _embed(tower, self._compared, self._spec)
        impostors = _impostor_pairs(self._compared.labels)
        far = next((far for far in _FARS if impostors * far >= 10), _FARS[-1])
        result, self.scores = verify(embeddings, self._compared.labels, fars=(far,))
        tar = result.tar_at_far[0][1]
        measured = {
            "val_eer": result.eer,
            "val_auc": result.auc,
            "val_tar": 0.0 if tar is None else tar,
            "val_tar_far": far,
        }
        if self._paired is not None:
            faces, pairs = self._paired
            known = _embed(tower, faces, self._spec)
            rows = pairs.ravel()
            terms = objective(tf.constant(known[rows]), tf.constant(faces.labels[rows]), None)
            measured["val_loss"] = float(tf.add_n(list(terms.values())))
        return measured


def _enough(faces: FaceSet, rng: np.random.Generator) -> FaceSet:
    """All of a small set; of a large one whole people in random order, with up to 50 pictures each."""
    if len(faces.labels) <= _MOST_PICTURES:
        return faces
    people = people_rows(faces.labels).rows
    chosen: list[int] = []
    for person in rng.permutation(len(people)):
        if len(chosen) >= _MOST_PICTURES:
            break
        chosen += rng.permutation(people[person])[:_MOST_OF_ONE].tolist()
    return faces.take(np.sort(np.array(chosen, dtype=np.int64)))


def _embed(tower: Any, faces: FaceSet, spec: InputSpec) -> Any:
    return embed_pixels(lambda values: tf.cast(tower(values, training=False), tf.float32).numpy(), faces.pixels, spec)


def _impostor_pairs(labels: Any) -> int:
    counts = np.bincount(labels)
    return int((counts.sum() ** 2 - (counts**2).sum()) // 2)
