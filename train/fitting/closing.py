"""What is computed once, after the last epoch: batch normalisation's statistics, the embedding layer in closed form."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.towers.preprocess import normalise
from train.batches.augment import augment
from train.batches.people import people_rows
from train.batches.stream import make_batch
from train.config import Config
from train.data.faces import FaceSet
from train.fitting.norm import reestimate_norm
from train.fitting.whiten import whiten_head

_log = logging.getLogger(__name__)

# Numbers of batches that no epoch draws.
_FIRST_STEP = 2**40
_CHUNK = 256


def close(tower: Any, train: FaceSet, config: Config) -> bool:
    """Do what the recipe asks for after the epochs.

    Args:
        tower: The tower to be delivered; its weights are changed.
        train: The pictures trained on.
        config: The configuration of the run.

    Returns:
        Whether anything was changed.
    """
    schedule = config.schedule
    if schedule.norm_batches:
        count = reestimate_norm(tower, _training_batches(train, config))
        _log.info("batch normalisation: statistics of %d batches", count)
    if schedule.whiten:
        count = whiten_head(tower, _all_pictures(train, config), ridge=schedule.whiten)
        _log.info("the embedding layer was solved on %d pictures of %d people", count, len(train.people))
    return bool(schedule.norm_batches or schedule.whiten)


def _training_batches(train: FaceSet, config: Config) -> Iterator[npt.NDArray[np.float32]]:
    people = people_rows(train.labels)
    for number in range(config.schedule.norm_batches):
        yield make_batch(train.pixels, people, config, _FIRST_STEP + number)[0]


def _all_pictures(train: FaceSet, config: Config) -> Iterator[tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]]:
    """Every picture as it is, and augmented as often as the recipe says."""
    for copy in range(1 + config.schedule.whiten_copies):
        for start in range(0, len(train.labels), _CHUNK):
            rows = range(start, min(start + _CHUNK, len(train.labels)))
            pixels = np.stack([_seen(train, row, copy, config) for row in rows])
            yield normalise(pixels, config.input), train.labels[rows.start : rows.stop]


def _seen(train: FaceSet, row: int, copy: int, config: Config) -> npt.NDArray[np.uint8]:
    if copy == 0:
        return np.asarray(train.pixels[row])
    return augment(train.pixels[row], config.augment, np.random.default_rng([config.seed, 0xC105E, copy, row]))
