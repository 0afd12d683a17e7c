import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.errors import DataError
from train.batches.hard import Memory
from train.batches.people import people_rows
from train.batches.sampler import batch_rng, draw_people, draw_rows
from train.config import BatchConfig

LABELS = st.lists(st.integers(1, 9), min_size=2, max_size=12).map(
    lambda counts: np.repeat(np.arange(len(counts)), counts)
)


@given(labels=LABELS, people=st.integers(2, 8), pictures=st.integers(2, 6), seed=st.integers(0, 99))
def test_people_are_distinct_and_rows_are_theirs(labels, people, pictures, seed):
    rows = draw_people(people_rows(labels), BatchConfig(people=people, pictures=pictures), batch_rng(seed, 0))
    assert rows.shape == (min(people, labels.max() + 1), pictures)
    owners = labels[rows]
    assert (owners == owners[:, :1]).all()
    assert len(set(owners[:, 0])) == len(rows)
    for row, owner in zip(rows, owners[:, 0], strict=True):
        assert len(set(row)) == min(pictures, np.count_nonzero(labels == owner))


@given(labels=LABELS, seed=st.integers(0, 99), step=st.integers(0, 10_000))
def test_a_step_always_gives_its_own_batch(labels, seed, step):
    config = BatchConfig(people=4, pictures=3)
    draw_people(people_rows(labels), config, batch_rng(seed, step + 1))
    first, again = (draw_people(people_rows(labels), config, batch_rng(seed, step)) for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_steps_and_seeds_differ():
    labels = np.repeat(np.arange(30), 5)
    draws = [
        draw_people(people_rows(labels), BatchConfig(people=6, pictures=3), batch_rng(seed, step)).tobytes()
        for seed in range(3)
        for step in range(10)
    ]
    assert len(set(draws)) == 30


def test_everyone_is_drawn_in_time():
    labels = np.repeat(np.arange(20), 3)
    seen = {
        int(row)
        for step in range(60)
        for row in draw_people(people_rows(labels), BatchConfig(), batch_rng(0, step)).ravel()
    }
    assert seen == set(range(60))


def test_one_person_is_too_few():
    with pytest.raises(DataError, match="two people"):
        draw_people(people_rows(np.zeros(5, np.int64)), BatchConfig(), batch_rng(0, 0))


@given(labels=LABELS, pictures=st.integers(2, 9), seed=st.integers(0, 99))
def test_random_pairs_alternate_and_are_what_they_are_said_to_be(labels, pictures, seed):
    people = people_rows(labels)
    config = BatchConfig(sampler="pairs", people=4, pictures=pictures)
    if not people.several.size:
        with pytest.raises(DataError, match="two pictures"):
            draw_rows(people, config, batch_rng(seed, 0))
        return
    pairs = draw_rows(people, config, batch_rng(seed, 0)).reshape(-1, 2)
    assert len(pairs) == 4 * pictures // 2
    same = labels[pairs[:, 0]] == labels[pairs[:, 1]]
    np.testing.assert_array_equal(same, np.arange(len(pairs)) % 2 == 0)
    assert (pairs[:, 0] != pairs[:, 1]).all()


def test_every_person_is_as_often_the_other_one_in_random_impostor_pairs():
    labels = np.repeat(np.arange(5), [2, 2, 2, 2, 40])
    people = people_rows(labels)
    config = BatchConfig(sampler="pairs", people=2, pictures=1000)
    impostors = draw_rows(people, config, batch_rng(0, 0)).reshape(-1, 2)[1::2]
    anchors_of_the_last = np.mean(labels[impostors[:, 0]] == 4)
    assert 0.75 < anchors_of_the_last < 0.91
    others = labels[impostors[labels[impostors[:, 0]] == 4][:, 1]]
    np.testing.assert_allclose(np.bincount(others, minlength=5)[:4] / len(others), 0.25, atol=0.08)


def _memory(labels, rng):
    """Embeddings in which person 0 has an outlier (row 0), and persons 1 and 2 are alike."""
    angles = labels * 1.2 + rng.normal(0, 0.01, len(labels))
    angles[labels == 2] = 1.2 + 0.05
    angles[0] = 4.5
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    return Memory(embeddings=rows, seen=np.ones(len(labels), dtype=bool))


def test_hard_pairs_are_those_that_the_tower_got_wrong():
    labels = np.repeat(np.arange(5), 4)
    people, memory = people_rows(labels), _memory(labels, np.random.default_rng(0))
    config = BatchConfig(sampler="hard-pairs", people=40, pictures=4)
    pairs = draw_rows(people, config, batch_rng(0, 0), memory).reshape(-1, 2)
    same = labels[pairs[:, 0]] == labels[pairs[:, 1]]
    np.testing.assert_array_equal(same, np.arange(len(pairs)) % 2 == 0)
    hard, easy = pairs[:40], pairs[40:]
    assert np.mean((hard[::2] == 0).any(axis=1)) > 0.6 > 0.3 > np.mean((easy[::2] == 0).any(axis=1))
    confused = [{1, 2} == set(labels[pair].tolist()) for pair in hard[1::2]]
    assert np.mean(confused) > 0.6
    np.testing.assert_array_equal(pairs, draw_rows(people, config, batch_rng(0, 0), memory).reshape(-1, 2))


def test_hard_pairs_come_from_what_the_memory_holds():
    labels = np.repeat(np.arange(5), 4)
    memory = _memory(labels, np.random.default_rng(0))
    seen = np.arange(20) >= 8
    memory = Memory(embeddings=memory.embeddings, seen=seen)
    config = BatchConfig(sampler="hard-pairs", people=40, pictures=4)
    pairs = draw_rows(people_rows(labels), config, batch_rng(1, 0), memory).reshape(-1, 2)
    assert seen[pairs[:40]].all()
    assert not seen[pairs[40:]].all()


def test_without_a_memory_hard_pairs_are_random_ones():
    people = people_rows(np.repeat(np.arange(5), 4))
    rows = [
        draw_rows(people, BatchConfig(sampler=name, people=4, pictures=4), batch_rng(0, 3))
        for name in ("pairs", "hard-pairs")
    ]
    np.testing.assert_array_equal(*rows)


@given(labels=LABELS, people=st.integers(2, 6), pictures=st.integers(2, 6), seed=st.integers(0, 99))
def test_uniform_rows_are_distinct_pictures(labels, people, pictures, seed):
    config = BatchConfig(sampler="uniform", people=people, pictures=pictures)
    rows = draw_rows(people_rows(labels), config, batch_rng(seed, 0))
    assert rows.shape == (min(people * pictures, len(labels)),)
    assert len(set(rows.tolist())) == len(rows)
    assert set(rows.tolist()) <= set(range(len(labels)))
    np.testing.assert_array_equal(rows, draw_rows(people_rows(labels), config, batch_rng(seed, 0)))


def test_every_picture_is_as_likely_as_every_other_in_uniform_batches():
    labels = np.repeat(np.arange(4), [1, 1, 1, 37])
    config = BatchConfig(sampler="uniform", people=2, pictures=5)
    drawn = np.concatenate([draw_rows(people_rows(labels), config, batch_rng(0, step)) for step in range(2000)])
    np.testing.assert_allclose(np.bincount(drawn, minlength=40) / 2000, 10 / 40, atol=0.05)
