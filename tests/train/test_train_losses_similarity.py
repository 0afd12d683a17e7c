import loss_loops as loops
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loss_helpers import batch, gradient, objective, value

from train.keras_quietly import tf
from train.losses.multi_similarity import mine_pairs


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    people=st.integers(1, 6),
    spread=st.floats(0.05, 3),
    alpha=st.floats(0.5, 10),
    beta=st.floats(1, 100),
    threshold=st.floats(-0.5, 1),
    margin=st.floats(0.01, 0.5),
)
def test_equals_loops(seed, people, spread, **options):
    rows, labels = batch(seed, people=people, spread=spread)
    wanted = loops.multi_similarity(labels, rows, **options)
    assert value(objective("multi-similarity", **options), rows, labels) == pytest.approx(wanted, rel=1e-3, abs=1e-5)


def test_defaults():
    rows, labels = batch(4)
    wanted = loops.multi_similarity(labels, rows, alpha=2, beta=50, threshold=0.5, margin=0.1)
    assert value(objective("multi-similarity"), rows, labels) == pytest.approx(wanted, rel=1e-4)


def test_which_pairs_count():
    similarities = np.float32([[1, 0.9, 0.3, 0.85], [0.9, 1, 0.2, 0.1], [0.3, 0.2, 1, 0.9], [0.85, 0.1, 0.9, 1]])
    genuine, impostor = mine_pairs(tf.constant(similarities), tf.constant([0, 0, 1, 1]), 0.1)
    # Anchor 0: genuine 0.9 < 0.85 + 0.1; impostors above 0.9 − 0.1: 0.85 alone. Anchor 1: 0.9 is not below 0.2 + 0.1.
    assert np.argwhere(genuine.numpy()).tolist() == [[0, 1], [3, 2]]
    assert np.argwhere(impostor.numpy()).tolist() == [[0, 3], [3, 0]]


def test_largest_weights_do_not_overflow():
    rows, labels = batch(2)
    made = objective("multi-similarity", alpha=1000.0, beta=1000.0, threshold=-1.0)
    assert np.isfinite(value(made, rows, labels))
    assert np.isfinite(gradient(made, rows, labels)[0]).all()


@pytest.mark.parametrize("labels", [[0, 1, 2, 3], [0, 0, 0, 0]])
def test_without_both_kinds_of_pairs_there_is_nothing_to_compare(labels):
    rows = np.random.default_rng(0).normal(size=(4, 3))
    assert value(objective("multi-similarity"), rows, labels) == 0
    assert not gradient(objective("multi-similarity"), rows, labels)[0].any()
