import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.errors import DataError
from train.batches.sampler import batch_rng, draw_batch
from train.config import BatchConfig

LABELS = st.lists(st.integers(1, 9), min_size=2, max_size=12).map(
    lambda counts: np.repeat(np.arange(len(counts)), counts)
)


@given(labels=LABELS, people=st.integers(2, 8), pictures=st.integers(2, 6), seed=st.integers(0, 99))
def test_people_are_distinct_and_rows_are_theirs(labels, people, pictures, seed):
    rows = draw_batch(labels, BatchConfig(people=people, pictures=pictures), batch_rng(seed, 0))
    assert rows.shape == (min(people, labels.max() + 1), pictures)
    owners = labels[rows]
    assert (owners == owners[:, :1]).all()
    assert len(set(owners[:, 0])) == len(rows)
    for row, owner in zip(rows, owners[:, 0], strict=True):
        assert len(set(row)) == min(pictures, np.count_nonzero(labels == owner))


@given(labels=LABELS, seed=st.integers(0, 99), step=st.integers(0, 10_000))
def test_a_step_always_gives_its_own_batch(labels, seed, step):
    config = BatchConfig(people=4, pictures=3)
    draw_batch(labels, config, batch_rng(seed, step + 1))
    first, again = (draw_batch(labels, config, batch_rng(seed, step)) for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_steps_and_seeds_differ():
    labels = np.repeat(np.arange(30), 5)
    draws = [
        draw_batch(labels, BatchConfig(people=6, pictures=3), batch_rng(seed, step)).tobytes()
        for seed in range(3)
        for step in range(10)
    ]
    assert len(set(draws)) == 30


def test_everyone_is_drawn_in_time():
    labels = np.repeat(np.arange(20), 3)
    seen = {int(row) for step in range(60) for row in draw_batch(labels, BatchConfig(), batch_rng(0, step)).ravel()}
    assert seen == set(range(60))


def test_one_person_is_too_few():
    with pytest.raises(DataError, match="two people"):
        draw_batch(np.zeros(5, np.int64), BatchConfig(), batch_rng(0, 0))
