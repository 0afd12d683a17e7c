"""The tutorial's pairs and loss in numpy, against loops."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.seeds.fashion import measure
from benchmarks.seeds.pairs import (
    PairSet,
    best_threshold,
    contrastive_loss,
    judge,
    nearest_class,
    one_shot,
    pair_distances,
    tutorial_pairs,
)

LABELS = np.array([0, 1, 2, 0, 1, 2, 0, 0, 1, 2])


def test_every_picture_gets_one_pair_of_each_kind() -> None:
    pairs = tutorial_pairs(LABELS, seed=0)
    assert pairs.rows.shape == (20, 2)
    for number, (first, second) in enumerate(pairs.rows):
        assert first == number // 2
        assert pairs.same[number] == (number % 2 == 0) == (LABELS[first] == LABELS[second])


def test_pairs_are_the_seeds_and_reach_every_picture() -> None:
    labels = np.repeat([0, 1, 2], 40)
    pairs = tutorial_pairs(labels, seed=3)
    assert np.array_equal(pairs.rows, tutorial_pairs(labels, seed=3).rows)
    assert not np.array_equal(pairs.rows, tutorial_pairs(labels, seed=4).rows)
    drawn = np.concatenate([tutorial_pairs(labels, seed=seed).rows[:, 1] for seed in range(10)])
    assert set(drawn.tolist()) == set(range(120))


def test_the_loss_is_the_loop() -> None:
    rng = np.random.default_rng(0)
    embeddings, pairs = rng.normal(0, 0.4, (10, 5)), tutorial_pairs(LABELS, seed=1)
    total = 0.0
    for (first, second), same in zip(pairs.rows, pairs.same, strict=True):
        distance = sum((a - b) ** 2 for a, b in zip(embeddings[first], embeddings[second], strict=True)) ** 0.5
        total += distance**2 if same else max(0.0, 0.8 - distance) ** 2
    measured = contrastive_loss(pair_distances(embeddings, pairs), pairs.same, margin=0.8)
    assert measured == pytest.approx(total / len(pairs.rows))


def test_the_loss_is_the_one_that_is_trained() -> None:
    from train.keras_quietly import tf
    from train.losses.pairs import Contrastive

    rng = np.random.default_rng(2)
    embeddings = rng.normal(0, 0.3, (20, 4)).astype(np.float32)
    labels = np.array([0, 0, 1, 2] * 5)
    pairs = PairSet(rows=np.arange(20).reshape(10, 2), same=labels[::2] == labels[1::2])
    trained = Contrastive(margin=1.0, distance="euclidean", normalise=False, given=True)
    expected = float(trained(tf.constant(embeddings), tf.constant(labels)))
    assert contrastive_loss(pair_distances(embeddings, pairs), pairs.same) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_no_threshold_is_better_than_the_best(seed: int) -> None:
    rng = np.random.default_rng(seed)
    distances, same = rng.integers(0, 8, 40) / 8, rng.random(40) < 0.5
    best = judge(distances, same, best_threshold(distances, same)).accuracy
    assert best == max(judge(distances, same, cut).accuracy for cut in np.arange(-0.06, 1.2, 0.0625))


def test_what_a_threshold_does_is_counted() -> None:
    distances, same = np.array([0.1, 0.2, 0.3, 0.4, 0.5]), np.array([True, False, True, True, False])
    judged = judge(distances, same, 0.35)
    assert judged.accuracy == pytest.approx(3 / 5)
    assert judged.precision == pytest.approx(2 / 3)
    assert judged.recall == pytest.approx(2 / 3)


def test_one_shot_finds_what_lies_apart_and_guesses_what_does_not() -> None:
    apart = np.eye(3)[LABELS] * 5 + np.random.default_rng(0).normal(0, 0.1, (10, 3))
    assert one_shot(apart, LABELS, trials=50, seed=0) == 1.0
    labels = np.repeat(np.arange(4), 20)
    chance = one_shot(np.random.default_rng(1).normal(size=(80, 3)), labels, trials=400, seed=0)
    assert 0.15 < chance < 0.4


def test_the_nearest_example_is_the_loops() -> None:
    rng = np.random.default_rng(5)
    values, examples = rng.normal(size=(10, 4)), rng.normal(size=(3, 4))
    right = sum(
        min(range(3), key=lambda row: np.linalg.norm(examples[row] - value)) == label
        for value, label in zip(values, LABELS, strict=True)
    )
    assert nearest_class(values, LABELS, examples) == pytest.approx(right / 10)


def test_classes_that_lie_apart_are_measured_as_such() -> None:
    labels = np.repeat(np.arange(5), 6)
    places = np.eye(5)[labels] * 2
    measured = measure((places, labels), (places, labels))
    assert measured["validation_loss"] == measured["training_loss"] == 0
    assert measured["validation_pairs"] == 60
    assert measured["judged"]["accuracy"] == measured["one_shot"] == measured["one_example"] == 1
    assert 0 < measured["judged"]["threshold"] < 2 * 2**0.5
