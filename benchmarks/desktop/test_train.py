"""Training throughput of each network: steps of the trainer that ``fit`` uses, on random pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchmarks.suite.rounds import Timed

pytest.importorskip("tensorflow", reason="training needs TensorFlow")

# The networks that are trained from nothing, with their usual widths; "file" and "applications" are what their file is.
TOWERS = {
    "plain": ("tower.width=24",),
    "oriented": ("tower.width=8",),
    "tutorial": ("tower.width=64", "tower.head=average"),
    "mobilefacenet": ("tower.width=64",),
    "mobilenet-v2": ("tower.width=32",),
    "dlib-resnet": ("tower.width=32",),
}
_PEOPLE, _EACH = 8, 2


@pytest.mark.parametrize("name", TOWERS)
def test_train(timed: Timed, name: str, rng: np.random.Generator) -> None:
    """A step on a batch of 16 pictures of 112 px: forward, loss, backward, update."""
    model, pictures, labels = _trainer(name), rng.uniform(-1, 1, (_PEOPLE * _EACH, 112, 112, 3)), np.arange(_PEOPLE)
    batch = pictures.astype(np.float32)
    about = {"label": np.repeat(labels, _EACH), "row": np.arange(len(batch))}

    def run() -> Any:
        return model.train_on_batch(batch, about)

    loss = timed(run, what=f"a training step, `{name}`, {len(batch)} pictures of 112 px", calls=1, rounds=5)
    timed.note(pictures=len(batch))
    assert np.isfinite(loss)


def _trainer(name: str) -> Any:
    from train.fitting.optimizer import make_optimizer
    from train.fitting.trainer import build_trainer
    from train.keras_quietly import keras
    from train.losses.build import build_objective
    from train.recipe import load_config
    from train.towers.build import build_tower

    keras.backend.clear_session()
    config = load_config("faces-small", [f"tower.name={name}", *TOWERS[name]], seed=1)
    keras.utils.set_random_seed(config.seed)
    tower = build_tower(config.input, config.tower)
    return build_trainer(tower, build_objective(config, classes=_PEOPLE), make_optimizer(config.schedule))
