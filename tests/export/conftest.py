"""A folder of prepared faces and finished training runs, small enough for tests."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_runtime.faces.align import DEFAULT_TEMPLATE
from edge_runtime.faces.finder import FaceFinder
from edge_runtime.images import read_image, write_image
from edge_runtime.people import write_faces_mark
from edge_runtime.towers.bundle import Bundle, read_bundle
from edge_runtime.towers.preprocess import InputSpec
from export.pipeline import ExportOptions, export_tower
from export.quiet import import_tensorflow, quiet_tensorflow
from export.sources.keras_file import tower_values

SIZE_PX = 48
LENGTH = 32
TRAIN = [f"s{i}" for i in range(1, 9)]
VALIDATION = [f"s{i}" for i in range(9, 15)]
SPEC = InputSpec(size_px=SIZE_PX, colour="grey")
TEMPLATE = {"name": DEFAULT_TEMPLATE.name, "points": [list(point) for point in DEFAULT_TEMPLATE.points]}

MakeRun = Callable[..., Path]


@pytest.fixture(scope="session")
def faces(att_faces: Path, models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prepared faces of 14 AT&T people, aligned as ``python -m train prepare`` does."""
    folder = tmp_path_factory.mktemp("faces")
    finder = FaceFinder(size_px=SIZE_PX, models=models)
    for person in TRAIN + VALIDATION:
        for number in range(1, 11):
            found = finder.find_one(read_image(att_faces / person / f"{number}.pgm"))
            write_image(folder / person / f"{number}.png", found.crop_rgb)
    write_faces_mark(folder, {"size_px": SIZE_PX, "template": TEMPLATE, "detector": "full-range"})
    return folder


@pytest.fixture(scope="session")
def tower_model(faces: Path) -> Any:
    """A small convolutional tower, trained for a moment to tell the training people apart."""
    _, keras = import_tensorflow()
    pictures = [read_image(faces / name / f"{number}.png") for name in TRAIN for number in range(1, 11)]
    labels = np.repeat(np.arange(len(TRAIN)), 10)
    with quiet_tensorflow():
        keras.utils.set_random_seed(7)
        image = keras.Input(SPEC.shape)
        values = image
        for filters in (8, 16, 32):
            values = keras.layers.Conv2D(filters, 3, strides=2, padding="same", use_bias=False)(values)
            values = keras.layers.BatchNormalization(momentum=0.8)(values)
            values = keras.layers.ReLU()(values)
        embedding = keras.layers.Dense(LENGTH)(keras.layers.GlobalAveragePooling2D()(values))
        head = keras.layers.Dense(len(TRAIN))(embedding)
        whole = keras.Model(image, head)
        whole.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        whole.fit(tower_values(np.stack(pictures), SPEC), labels, batch_size=16, epochs=12, verbose=0)
        return keras.Model(image, embedding)


@pytest.fixture(scope="session")
def tower_file(tower_model: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trained tower, saved."""
    path = tmp_path_factory.mktemp("keras") / "tower.keras"
    with quiet_tensorflow():
        tower_model.save(path)
    return path


def write_run(folder: Path, tower: Any, faces: Path, *, split: dict[str, Any] | None = None, **config: Any) -> Path:
    """Write a run's folder, with the Keras file or model and changed values of the configuration."""
    folder.mkdir()
    if isinstance(tower, Path):
        shutil.copy(tower, folder / "tower.keras")
    else:
        with quiet_tensorflow():
            tower.save(folder / "tower.keras")
    values: dict[str, Any] = {
        "input": {"size_px": SIZE_PX, "colour": "grey", "scale": 1 / 127.5, "offset": -1.0},
        "template": TEMPLATE,
        "data": str(faces),
        "seed": 7,
        "recipe": "tiny",
        "embedding_length": LENGTH,
        "loss": {"kind": "softmax", "head": "/home/somebody/head.keras"},
        "versions": {"keras": "3"},
        "data_sha256": "00",
        "people": 14,
        "pictures": 140,
        "train_people": 8,
        "validation_people": 6,
        "finished": "2026-01-01T00:00:00Z",
    }
    (folder / "config.json").write_text(json.dumps(values | config))
    (folder / "split.json").write_text(json.dumps(split or {"seed": 7, "train": TRAIN, "validation": VALIDATION}))
    return folder


@pytest.fixture(scope="session")
def run_writer() -> MakeRun:
    """:func:`write_run`, for fixtures that outlive a test."""
    return write_run


@pytest.fixture
def make_run(tmp_path: Path, faces: Path, tower_file: Path) -> MakeRun:
    """A function that makes a run's folder (see :func:`write_run`)."""

    def make(name: str = "run", *, tower: Any = None, **changes: Any) -> Path:
        return write_run(tmp_path / name, tower_file if tower is None else tower, faces, **changes)

    return make


@pytest.fixture(scope="session")
def exported(faces: Path, tower_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The parts of an exported int8 tower."""
    folder = tmp_path_factory.mktemp("exported")
    run = write_run(folder / "run", tower_file, faces)
    export_tower(ExportOptions(run=run, representative=faces, out=folder / "tower.tflite"))
    return read_bundle(folder / "tower.tflite")


@pytest.fixture
def copy_people(faces: Path, tmp_path: Path) -> Callable[..., Path]:
    """A function that copies some people to a new prepared folder, under new names if told."""

    def copy(name: str, people: list[str], *, rename: str = "", pictures: int = 10) -> Path:
        folder = tmp_path / name
        for person in people:
            for number in range(1, pictures + 1):
                target = folder / f"{rename}{person}" / f"{number}.png"
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(faces / person / f"{number}.png", target)
        shutil.copy(faces / "faces.json", folder)
        return folder

    return copy
