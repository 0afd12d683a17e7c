import loss_loops as loops
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loss_helpers import batch, gradient, objective, value

MININGS = ("semi-hard", "hard", "all")


@pytest.mark.parametrize("mining", MININGS)
@pytest.mark.parametrize("distance", ["euclidean", "squared-euclidean", "cosine"])
@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10_000), people=st.integers(1, 6), spread=st.floats(0.05, 3), normalise=st.booleans())
def test_equals_loops(mining, distance, seed, people, spread, normalise):
    rows, labels = batch(seed, people=people, spread=spread)
    options = {"mining": mining, "distance": distance, "normalise": normalise, "margin": 0.31}
    wanted = loops.triplet(labels, rows, **options)
    assert value(objective("triplet", **options), rows, labels) == pytest.approx(wanted, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("mining", MININGS)
@settings(max_examples=25, deadline=None)
@given(
    grid=st.lists(st.tuples(st.integers(-2, 2), st.integers(-2, 2), st.integers(0, 3)), min_size=1, max_size=9),
    margin=st.sampled_from([0.5, 1.0, 2.0]),
)
def test_ties_equal_loops(mining, grid, margin):
    """Small whole numbers: distances coincide often, and are exact in both."""
    rows, labels = np.float32([point[:2] for point in grid]), np.array([point[2] for point in grid])
    options = {"mining": mining, "normalise": False, "margin": margin}
    wanted = loops.triplet(labels, rows, **options)
    assert value(objective("triplet", **options), rows, labels) == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("mining", MININGS)
@pytest.mark.parametrize("labels", [[0, 1, 2, 3], [0, 0, 0, 0]])
def test_no_triplet_is_no_loss_and_no_gradient(mining, labels):
    made = objective("triplet", mining=mining)
    rows = np.random.default_rng(0).normal(size=(4, 3))
    assert value(made, rows, labels) == 0
    assert not gradient(made, rows, labels)[0].any()


def test_minings_by_hand():
    """Anchor 0 at 0, its positive at 2; impostors of one person at 1, 2.5 and 9 (distances along a line)."""
    rows, labels = np.float32([[0], [2], [1], [2.5], [9]]), [0, 0, 1, 2, 3]
    found = {
        mining: value(
            objective("triplet", mining=mining, distance="euclidean", normalise=False, margin=1.0), rows, labels
        )
        for mining in MININGS
    }
    # Anchor 0: the positive is at 2, impostors at 1, 2.5, 9. Anchor 1: the positive is at 2, impostors at 1, 0.5, 7.
    assert found["all"] == pytest.approx(np.mean([2, 0.5, 2, 2.5]))
    assert found["hard"] == pytest.approx(np.mean([2, 2.5]))
    assert found["semi-hard"] == pytest.approx(np.mean([0.5, 0]))
