"""The points and counts that the card's plots are drawn through."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime.errors import UsageError
from edge_runtime.measures.metrics import Pairs, PairScores, count_pairs, pair_scores, tar_at_far
from export.gate.curves import curve_points, histogram

LAW = settings(deadline=None, max_examples=60)
SCORES = st.lists(st.floats(-1, 1), min_size=1, max_size=80)


@LAW
@given(genuine=SCORES, impostor=SCORES, points=st.integers(2, 70))
def test_a_curve_rises_and_agrees_with_the_metrics(genuine: list[float], impostor: list[float], points: int) -> None:
    scores = PairScores(genuine=np.array(genuine), impostor=np.array(impostor))
    curve = curve_points(scores, points)
    assert len(curve["fmr"]) == len(curve["tar"]) <= points
    assert curve["fmr"] == sorted(set(curve["fmr"]))
    assert curve["tar"] == sorted(curve["tar"])
    assert (curve["fmr"][-1], curve["tar"][-1]) == (1, 1)
    assert curve["fmr"][0] == pytest.approx(1 / len(impostor), rel=1e-5)
    for fmr, tar in zip(curve["fmr"], curve["tar"], strict=True):
        assert tar == pytest.approx(tar_at_far(scores, fmr * (1 + 1e-5)), abs=1e-6)


@LAW
@given(genuine=SCORES, impostor=SCORES, bins=st.integers(2, 70))
def test_every_pair_is_in_one_bin(genuine: list[float], impostor: list[float], bins: int) -> None:
    before = PairScores(genuine=np.array(genuine), impostor=np.array(impostor))
    after = PairScores(genuine=np.minimum(before.genuine + 1e-9, 1 + 1e-7), impostor=before.impostor[::-1])
    counts = histogram(before, after, bins)
    assert len(counts["edges"]) == bins + 1
    assert counts["edges"] == sorted(set(counts["edges"]))
    assert counts["edges"][-1] == 1
    for tower in ("float", "converted"):
        assert len(counts[tower]["genuine"]) == len(counts[tower]["impostor"]) == bins
        assert (sum(counts[tower]["genuine"]), sum(counts[tower]["impostor"])) == (len(genuine), len(impostor))


def test_a_large_set_counted_on_a_grid_gives_the_same() -> None:
    embeddings = np.random.default_rng(1).normal(size=(40, 8))
    labels = np.repeat(np.arange(10), 4)
    exact: Pairs = pair_scores(embeddings, labels)
    grid: Pairs = count_pairs(embeddings, labels)
    assert curve_points(exact) == curve_points(grid)
    ours, theirs = histogram(None, exact), histogram(None, grid)
    assert "float" not in ours
    assert ours["edges"] == theirs["edges"]
    assert np.abs(np.array(ours["converted"]["impostor"]) - theirs["converted"]["impostor"]).sum() <= 4
    assert json.loads(json.dumps(ours)) == ours


def test_nonsense_is_refused() -> None:
    scores = PairScores(genuine=np.array([0.9]), impostor=np.array([0.1]))
    with pytest.raises(UsageError, match="two points"):
        curve_points(scores, 1)
    with pytest.raises(UsageError, match="two bins"):
        histogram(None, scores, 0)
