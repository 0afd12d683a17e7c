"""What is timed and counted: one embedding, one detection, one run of any model, each on the same input every time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.towers.interpreter import Interpreter, TensorSpec

Action: TypeAlias = Callable[[], object]
WIDTH, HEIGHT = 640, 480


def make_action(what: str) -> Action:
    """What is to be done, ready to be done again and again.

    Args:
        what: ``"embed"`` (one aligned crop to an embedding, with the shipped tower), ``"detect"`` (one frame of 640×480
            to faces), or the path of a ``.tflite`` file (one run of the model).

    Raises:
        TowerError: A model is missing or cannot be loaded.
    """
    if what == "embed":
        return _embedding()
    if what == "detect":
        return _detection()
    return run_of(Interpreter(Path(what).read_bytes()))


def run_of(interpreter: Interpreter) -> Action:
    """One run of a model, on noise."""
    values = [noise(spec) for spec in interpreter.inputs]
    return lambda: interpreter.run(*values)


def noise(spec: TensorSpec) -> npt.NDArray[np.generic]:
    """The same noise each time, of an input's shape and type: float −1 to 1, whole numbers over their whole range."""
    rng = np.random.default_rng(0)
    if spec.dtype == "float32":
        return rng.uniform(-1, 1, spec.shape).astype(np.float32)
    ends = np.iinfo(spec.dtype)
    return rng.integers(ends.min, ends.max, spec.shape, dtype=spec.dtype, endpoint=True)


def _embedding() -> Action:
    from edge_runtime.towers.shipped import DEFAULT_SHIPPED, find_tower
    from edge_runtime.towers.tower import Tower

    tower = Tower.load(find_tower(DEFAULT_SHIPPED))
    size_px = tower.card.input.size_px
    crop = np.random.default_rng(0).integers(0, 256, (size_px, size_px, 3), dtype=np.uint8)
    return lambda: tower.embed_one(crop)


def _detection() -> Action:
    from edge_runtime.faces.blazeface import MODELS, BlazeFace
    from edge_runtime.home import models_folder
    from edge_runtime.machine.drawn import drawn_frames

    model = MODELS["full-range"]
    detector = BlazeFace(models_folder() / model.file_name, model)
    frame = next(iter(drawn_frames(WIDTH, HEIGHT, face_px=HEIGHT * 3 // 8)))
    return lambda: detector.detect(frame)
