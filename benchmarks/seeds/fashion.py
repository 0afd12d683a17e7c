"""Fashion-MNIST as the tutorial has it: the tutorial's tower and pairs, and the recipe ``fashion``, side by side."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.seeds.pairs import (
    Ints,
    best_threshold,
    contrastive_loss,
    judge,
    nearest_class,
    one_shot,
    pair_distances,
    tutorial_pairs,
)
from benchmarks.seeds.record import command_of, write_result
from benchmarks.seeds.training import Trained, train
from edge_runtime.commands.console import EXIT_OK, emit, say
from train.config import Config
from train.recipe import load_config

DATA = "fashion-mnist"
_TRIALS, _DRAWS = 2000, 100


def main(arguments: argparse.Namespace) -> int:
    """Train both set-ups and measure them on the same pairs; returns the exit code."""
    setups = [("fashion", load_config("fashion"))]
    for epochs in arguments.tutorial_epochs:
        setups.append((f"tutorial-{epochs}", load_config("fashion-tutorial", [f"schedule.epochs={epochs}"])))
    rows = []
    for name, config in setups:
        trained = train(DATA, arguments.work / "fashion" / name, config, force=arguments.force)
        row = {**_describe(config, trained), "log": _validation_log(trained.run), **measure_run(trained.run)}
        emit({"name": name, **row})
        rows.append({"name": name, **row})
    values = {"rows": rows, "pairs": {"validation_seed": 0, "training_seed": 1}, "trials": _TRIALS, "draws": _DRAWS}
    command = command_of("fashion", arguments, "tutorial_epochs")
    say(f"written: {write_result(arguments.results, 'fashion', values, command=command)}")
    return EXIT_OK


def _describe(config: Config, trained: Trained) -> dict[str, Any]:
    return {
        "recipe": config.recipe,
        "epochs": config.schedule.epochs,
        "steps_per_epoch": config.schedule.steps_per_epoch,
        "batch_pictures": config.batch.people * config.batch.pictures,
        **trained.as_mapping(),
    }


def _validation_log(run: Path) -> list[float]:
    """The validation loss that the training itself logged after each epoch; empty where it logs none."""
    from train.fitting.log import read_log
    from train.fitting.run import RunFolder

    return list(read_log(RunFolder(root=run).log).get("val_loss", []))


def measure_run(run: Path, data: str | Path = DATA) -> dict[str, Any]:
    """Measure the delivered tower of a run on the two halves of its data.

    Args:
        run: The run folder.
        data: The source that it was trained on; it must have a half of its own for tests.
    """
    from train.data.faces import load_faces
    from train.measure.towers import load_tower

    tower = load_tower(run)
    pictures = load_faces(data, tower.colours)
    tested = np.array([half == "test" for half in pictures.halves or ()])
    embeddings = tower.embed(pictures.pixels)
    return measure(
        (embeddings[~tested], pictures.labels[~tested]),
        (embeddings[tested], pictures.labels[tested]),
    )


def measure(
    known: tuple[npt.NDArray[np.floating], Ints], held: tuple[npt.NDArray[np.floating], Ints]
) -> dict[str, Any]:
    """Measure raw embeddings as the tutorial does, and by one example of each class.

    Args:
        known: Embeddings of shape (n, d) and labels of the pictures that were trained on; they choose the threshold,
            and the examples of the classes are of them.
        held: Those of the pictures that were not.
    """
    train_pairs, held_pairs = tutorial_pairs(known[1], seed=1), tutorial_pairs(held[1], seed=0)
    train_distances, held_distances = pair_distances(known[0], train_pairs), pair_distances(held[0], held_pairs)
    threshold = best_threshold(train_distances, train_pairs.same)
    accuracies = _by_examples(known, held)
    return {
        "validation_pairs": len(held_distances),
        "training_pairs": len(train_distances),
        "validation_loss": contrastive_loss(held_distances, held_pairs.same),
        "training_loss": contrastive_loss(train_distances, train_pairs.same),
        "judged": judge(held_distances, held_pairs.same, threshold).as_mapping(),
        "one_shot": one_shot(held[0], held[1], trials=_TRIALS, seed=0),
        "one_example": float(np.mean(accuracies)),
        "one_example_deviation": float(np.std(accuracies)),
        "class_mean": nearest_class(held[0], held[1], _class_means(*known)),
    }


def _by_examples(
    known: tuple[npt.NDArray[np.floating], Ints], held: tuple[npt.NDArray[np.floating], Ints]
) -> list[float]:
    """Accuracy on all held pictures by one example of each class, for several draws of the examples."""
    rng = np.random.default_rng(0)
    rows = [np.flatnonzero(known[1] == label) for label in range(int(known[1].max()) + 1)]
    draws = [[int(rng.choice(mine)) for mine in rows] for _ in range(_DRAWS)]
    return [nearest_class(held[0], held[1], known[0][chosen]) for chosen in draws]


def _class_means(embeddings: npt.NDArray[np.floating], labels: Ints) -> npt.NDArray[np.float64]:
    return np.stack([embeddings[labels == label].mean(axis=0) for label in range(int(labels.max()) + 1)])
