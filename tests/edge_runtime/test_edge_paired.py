"""Differences between two towers, resampled over the same people."""

from __future__ import annotations

import numpy as np
import pytest

from edge_runtime.measures.bootstrap import bootstrap, paired_bootstrap
from edge_runtime.measures.scores import count_pairs

FARS = (0.1, 0.01)


def people(*, count: int, noise: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(count), 5)
    hardness = rng.uniform(0.5, 1.5, size=count)[labels, None]
    return rng.normal(size=(count, 8))[labels] + noise * hardness * rng.normal(size=(labels.size, 8)), labels


def test_a_tower_does_not_differ_from_itself() -> None:
    rows, labels = people(count=12, noise=0.6, seed=1)
    found = paired_bootstrap(rows, 3 * rows, labels, fars=FARS, resamples=50)
    assert found is not None
    # Scaling moves a cosine by a rounding error, which can move a pair to the next cell of the grid.
    assert np.allclose([*found.eer, *found.auc, *found.tar_at_far[1][1]], 0, atol=2e-3)


def test_the_difference_is_surer_than_the_parts() -> None:
    rows, labels = people(count=30, noise=0.9, seed=2)
    worse = rows + 0.25 * np.random.default_rng(3).normal(size=rows.shape)
    found = paired_bootstrap(rows, worse, labels, fars=FARS)
    alone = bootstrap(rows, labels, count_pairs(rows, labels), fars=FARS)
    assert found is not None
    assert alone is not None
    assert found.eer[1] - found.eer[0] < alone.eer[1] - alone.eer[0]
    assert found.eer[1] > 0
    assert found.auc[0] < 0
    assert found.groups == 30


def test_the_interval_holds_the_difference_and_turns_with_the_order() -> None:
    rows, labels = people(count=25, noise=0.8, seed=4)
    other = rows + 0.5 * np.random.default_rng(5).normal(size=rows.shape)
    forth, back = paired_bootstrap(rows, other, labels, fars=FARS), paired_bootstrap(other, rows, labels, fars=FARS)
    assert forth is not None
    assert back is not None
    assert forth.eer[0] == pytest.approx(-back.eer[1], abs=1e-12)
    for (far, one), (again, two) in zip(forth.tar_at_far, back.tar_at_far, strict=True):
        assert far == again
        assert one[0] == pytest.approx(-two[1], abs=1e-12)


def test_few_people_give_none() -> None:
    rows, labels = people(count=7, noise=0.6, seed=6)
    assert paired_bootstrap(rows, rows, labels, fars=FARS) is None
