import loss_loops as loops
import numpy as np
import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st
from loss_helpers import batch, objective, value

PLAIN = ("euclidean", "squared-euclidean", "cosine")


@pytest.mark.parametrize("distance", PLAIN)
@pytest.mark.parametrize("normalise", [True, False])
@pytest.mark.parametrize("sampler", ["pk", "pairs", "hard-pairs"])
@settings(max_examples=8, deadline=None)
@for_all(seed=st.integers(0, 10_000), people=st.integers(1, 6), spread=st.floats(0.05, 3), margin=st.floats(0.1, 3))
def test_contrastive_equals_loops(distance, normalise, sampler, seed, people, spread, margin):
    rows, labels = batch(seed, people=people, spread=spread)
    made = objective("contrastive", sampler=sampler, distance=distance, normalise=normalise, margin=margin)
    options = {"distance": distance, "normalise": normalise, "margin": margin, "given": sampler != "pk"}
    assert value(made, rows, labels) == pytest.approx(loops.contrastive(labels, rows, **options), rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("distance", [*PLAIN, "weighted-l1"])
@pytest.mark.parametrize("normalise", [True, False])
@pytest.mark.parametrize("sampler", ["pk", "pairs"])
@pytest.mark.parametrize("seed", [1, 2])
def test_pair_cross_entropy_equals_loops(distance, normalise, sampler, seed):
    rows, labels = batch(seed)
    made = objective("pair-bce", sampler=sampler, distance=distance, normalise=normalise)
    made.build(rows.shape, labels.shape)
    kernel, bias = made.trainable_variables
    kernel.assign(np.random.default_rng(seed).normal(size=kernel.shape))
    bias.assign([0.4])
    options = {"distance": distance, "normalise": normalise, "given": sampler != "pk"}
    wanted = loops.pair_bce(labels, rows, kernel.numpy()[:, 0].astype(float), 0.4, **options)
    assert value(made, rows, labels) == pytest.approx(wanted, rel=1e-4)


def test_given_pairs_are_the_rows_side_by_side_and_nothing_else():
    rows = np.float32([[0, 0], [3, 4], [10, 10], [10, 10.5]])
    made = objective("contrastive", sampler="pairs", normalise=False, margin=1.0)
    assert value(made, rows, [0, 0, 1, 2]) == pytest.approx((25 + 0.25) / 2)
    assert value(made, rows[:3], [0, 0, 1]) == pytest.approx(25)


def test_kinds_of_pairs_weigh_the_same_in_a_batch_of_people():
    rows = np.float32([[0, 0], [2, 0], [0, 0.5], [0, 0.5], [0, 0.5]])
    # One genuine pair of 4; impostor pairs within the margin of 1: three at 0.5, and three that coincide.
    wanted = (4 + (3 * 0.25 + 3 * 1) / 9) / 2
    made = objective("contrastive", normalise=False, margin=1.0)
    assert value(made, rows, [0, 0, 1, 2, 3]) == pytest.approx(wanted, abs=1e-5)


def test_tutorial_formula_on_raw_distances():
    """same D² + (1 − same) max(0, m − D)², by hand."""
    rows = np.float32([[0, 0], [0.6, 0.8], [0, 0], [0.3, 0.4]])
    made = objective("contrastive", sampler="pairs", normalise=False, margin=1.0)
    assert value(made, rows, [0, 0, 0, 1]) == pytest.approx((1 + 0.25) / 2)
    assert value(made, rows, [0, 1, 0, 0]) == pytest.approx((0 + 0.25) / 2)
