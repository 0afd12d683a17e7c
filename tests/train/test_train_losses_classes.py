import math

import loss_loops as loops
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loss_helpers import batch, gradient, objective, value

from train.keras_quietly import keras, tf
from train.losses.classes import arcface_margin, choose_classes, margin_softmax

CLASSES = 8


def _centres(made, rows, labels, seed=0):
    made.build(rows.shape, labels.shape)
    (centres,) = made.trainable_variables
    centres.assign(np.random.default_rng(seed).normal(size=centres.shape))
    return centres


@pytest.mark.parametrize("kind", ["arcface", "cosface"])
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), margin=st.floats(0.01, 1.5), scale=st.floats(1, 64))
def test_equals_loops(kind, seed, margin, scale):
    rows, labels = batch(seed, people=CLASSES)
    made = objective(kind, classes=CLASSES, margin=margin, scale=scale)
    centres = _centres(made, rows, labels, seed)
    wanted = loops.class_margin(labels, rows, centres.numpy(), kind=kind, margin=margin, scale=scale)
    assert value(made, rows, labels) == pytest.approx(wanted, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("margin", [0.1, 0.5, 1.5])
def test_arcface_keeps_falling_with_the_angle(margin):
    angles = np.linspace(0, math.pi, 721)
    values = arcface_margin(tf.constant(np.cos(angles), tf.float32), margin).numpy()
    assert (np.diff(values) < 1e-6).all()
    small = angles < math.pi - margin - 0.01
    np.testing.assert_allclose(values[small], np.cos(angles[small] + margin), atol=2e-5)


@pytest.mark.parametrize("kind", ["arcface", "cosface"])
def test_no_margin_is_the_scaled_softmax(kind):
    labels = batch(3, people=CLASSES)[1]
    cosines = tf.constant(np.random.default_rng(0).uniform(-0.99, 0.99, (10, CLASSES)), tf.float32)
    found = margin_softmax(cosines, tf.constant(labels), kind=kind, margin=0.0, scale=16.0)
    logits = 16.0 * cosines.numpy().astype(float)
    wanted = np.mean(np.log(np.exp(logits).sum(1)) - logits[np.arange(10), labels])
    assert float(found) == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("kind", ["arcface", "cosface"])
@pytest.mark.parametrize("sampled", [CLASSES - 1, CLASSES, 100])
def test_all_classes_sampled_is_the_full_softmax(kind, sampled):
    rows, labels = batch(5, people=CLASSES)
    full, part = objective(kind, classes=CLASSES), objective(kind, classes=CLASSES, sampled_classes=sampled)
    _centres(full, rows, labels)
    _centres(part, rows, labels)
    assert value(part, rows, labels) == pytest.approx(value(full, rows, labels), rel=1e-6)


@pytest.mark.parametrize("kind", ["arcface", "cosface"])
@pytest.mark.parametrize("seed", range(5))
def test_sampled_softmax_equals_loops_on_the_sample(kind, seed):
    classes, others = 40, 7
    rows, labels = batch(seed, people=5)
    labels = labels * 7 + 3
    made = objective(kind, classes=classes, sampled_classes=others, seed=seed, margin=0.3, scale=20.0)
    centres = _centres(made, rows, labels)
    # The same generator draws the same scores; which classes they choose is worked out here anew.
    scores = np.array(keras.random.uniform((classes,), seed=keras.random.SeedGenerator(seed)))
    strangers = [c for c in np.argsort(-scores) if c not in labels][:others]
    kept = [*np.unique(labels), *strangers]
    wanted = loops.class_margin(labels, rows, centres.numpy(), kind=kind, margin=0.3, scale=20.0, kept=kept)
    found = gradient(made, rows, labels)[1]
    assert np.flatnonzero(np.abs(found).sum(1)).tolist() == sorted(kept)
    again = objective(kind, classes=classes, sampled_classes=others, seed=seed, margin=0.3, scale=20.0)
    _centres(again, rows, labels)
    assert value(again, rows, labels) == pytest.approx(wanted, rel=1e-4)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), classes=st.integers(2, 30), others=st.integers(1, 40))
def test_chosen_classes(seed, classes, others):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, 6)
    chosen, targets = choose_classes(tf.constant(labels), tf.constant(rng.random(classes), tf.float32), others)
    chosen, own = chosen.numpy(), set(labels.tolist())
    assert len(set(chosen.tolist())) == len(chosen) == min(classes, len(own) + others)
    assert own <= set(chosen.tolist())
    assert (chosen[targets.numpy()] == labels).all()


def test_every_class_has_its_turn():
    rows, labels = np.eye(4, dtype=np.float32), np.zeros(4, int)
    made = objective("cosface", classes=12, sampled_classes=2)
    turns = np.zeros(12, int)
    for _ in range(60):
        turns += np.abs(gradient(made, rows, labels)[1]).sum(1) > 0
    assert turns[0] == 60
    assert turns[1:].sum() == 120
    assert (turns[1:] > 0).all()


@pytest.mark.parametrize("optimizer", ["adamw", "adam", "sgd", "rmsprop"])
@pytest.mark.parametrize("sampled", [0, 3])
def test_optimizers_lower_it(optimizer, sampled):
    rows, labels = batch(1, people=CLASSES, spread=0.1)
    made = objective("arcface", classes=CLASSES, sampled_classes=sampled, scale=8.0)
    chosen, full = keras.optimizers.get(optimizer), objective("arcface", classes=CLASSES, scale=8.0)
    centres, chosen.learning_rate = _centres(made, rows, labels), 0.03
    _centres(full, rows, labels).assign(centres)
    before = value(full, rows, labels)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            terms = made(tf.constant(rows), tf.constant(labels))
        chosen.apply_gradients(zip(tape.gradient(terms["arcface"], [centres]), [centres], strict=True))

    for _ in range(20):
        step()
    full.trainable_variables[0].assign(centres)
    assert value(full, rows, labels) < before
