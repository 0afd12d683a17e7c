import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime.errors import UsageError
from train.config import LossConfig
from train.losses.all import Contrastive, TripletSemiHard, build_loss


def _unit(rows):
    return [row / np.linalg.norm(row) for row in rows.astype(np.float64)]


def _contrastive_by_loops(labels, rows, margin):
    unit, genuine, impostor = _unit(rows), [], []
    for i in range(len(unit)):
        for j in range(len(unit)):
            distance = np.linalg.norm(unit[i] - unit[j])
            if i != j and labels[i] == labels[j]:
                genuine.append(distance**2)
            elif labels[i] != labels[j]:
                impostor.append(max(0.0, margin - distance) ** 2)
    return 0.5 * (np.mean(genuine) if genuine else 0) + 0.5 * (np.mean(impostor) if impostor else 0)


def _triplet_by_loops(labels, rows, margin):
    unit, losses = _unit(rows), []
    for a in range(len(unit)):
        negatives = [np.sum((unit[a] - unit[n]) ** 2) for n in range(len(unit)) if labels[n] != labels[a]]
        for p in range(len(unit)):
            if p == a or labels[p] != labels[a] or not negatives:
                continue
            positive = np.sum((unit[a] - unit[p]) ** 2)
            farther = [distance for distance in negatives if distance > positive]
            negative = min(farther) if farther else max(negatives)
            losses.append(max(0.0, positive - negative + margin))
    return np.mean(losses) if losses else 0.0


@pytest.mark.parametrize(
    ("loss", "by_loops", "margin"),
    [(Contrastive, _contrastive_by_loops, 1.1), (TripletSemiHard, _triplet_by_loops, 0.3)],
)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), people=st.integers(1, 5), spread=st.floats(0.05, 3))
def test_equals_plain_loops(loss, by_loops, margin, seed, people, spread):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, people, 10)
    rows = (rng.normal(size=(people, 6))[labels] + spread * rng.normal(size=(10, 6))).astype(np.float32)
    assert float(loss(margin)(labels, rows)) == pytest.approx(by_loops(labels, rows, margin), abs=2e-5)


@pytest.mark.parametrize("loss", [Contrastive(1.0), TripletSemiHard(0.2)])
def test_length_of_embeddings_does_not_matter(loss):
    rng = np.random.default_rng(1)
    rows, labels = rng.normal(size=(8, 4)).astype(np.float32), np.repeat(np.arange(4), 2)
    stretched = rows * rng.uniform(0.1, 50, (8, 1)).astype(np.float32)
    assert float(loss(labels, rows)) == pytest.approx(float(loss(labels, stretched)), abs=1e-5)


@pytest.mark.parametrize("loss", [Contrastive(1.0), TripletSemiHard(0.2)])
def test_gradient_is_finite_where_two_embeddings_coincide(loss):
    import tensorflow as tf

    rows = tf.Variable(np.ones((4, 3), np.float32))
    with tf.GradientTape() as tape:
        value = loss(np.array([0, 0, 1, 1]), rows)
    assert np.isfinite(tape.gradient(value, rows).numpy()).all()
    assert float(value) > 0


@pytest.mark.parametrize("loss", [Contrastive(0.7), TripletSemiHard(0.4)])
def test_config_round_trip(loss):
    assert type(loss).from_config(loss.get_config()).margin == loss.margin
    assert isinstance(loss, keras.losses.Loss)


def test_unknown_loss():
    with pytest.raises(UsageError, match="contrastive, triplet"):
        build_loss(LossConfig(name="arcface"))
