"""Objectives and batches for the tests of the losses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from train_helpers import tiny_config

from train.config import LossConfig, TeacherConfig
from train.keras_quietly import tf
from train.losses.build import build_objective


def objective(name, *, classes=8, sampler="pk", teacher=None, seed=5, **loss):
    config = tiny_config(f"batch.sampler={sampler}", seed=seed)
    config = replace(config, loss=LossConfig(name=name, **loss), teacher=teacher or TeacherConfig())
    return build_objective(config, classes=classes)


def value(made, rows, labels, teacher=None):
    """The sum of the terms, as a float."""
    terms = made(tf.constant(rows, tf.float32), tf.constant(labels, tf.int64), teacher)
    return float(sum(terms.values()))


def gradient(made, rows, labels, teacher=None):
    """The gradient with respect to the embeddings and to the objective's own weights."""
    rows = tf.constant(rows, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(rows)
        total = tf.add_n(list(made(rows, tf.constant(labels, tf.int64), teacher).values()))
    found = tape.gradient(total, [rows, *made.trainable_variables], unconnected_gradients="zero")
    return [tf.convert_to_tensor(item).numpy() for item in found]


def batch(seed, *, people=4, pictures=10, length=6, spread=0.6):
    """People at random places; some have one picture, some may have none."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, people, pictures)
    rows = rng.normal(size=(people, length))[labels] + spread * rng.normal(size=(pictures, length))
    return rows.astype(np.float32), labels


# Singletons, one person, two that coincide, and all at one place.
ODD_BATCHES = {
    "nobody twice": (np.arange(12, dtype=np.float32).reshape(4, 3) - 5, np.arange(4)),
    "one person": (np.arange(12, dtype=np.float32).reshape(4, 3) - 5, np.zeros(4, int)),
    "impostors coincide": (np.float32([[1, 2, 2], [1, 2, 2], [2, 0, 1], [0, 1, 0]]), np.array([0, 1, 0, 1])),
    "genuine coincide": (np.float32([[1, 2, 2], [1, 2, 2], [2, 0, 1], [0, 1, 0]]), np.array([0, 0, 1, 1])),
    "all at one place": (np.ones((4, 3), np.float32), np.array([0, 0, 1, 1])),
    "opposite": (np.float32([[1, 0, 0], [-1, 0, 0], [-1, 0, 0], [1, 0, 0]]), np.array([0, 0, 1, 1])),
    "a zero embedding": (np.float32([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]]), np.array([0, 0, 1, 1])),
}
