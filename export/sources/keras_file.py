"""Opening a ``.keras`` file that may come from anyone: looked through first, then loaded, and nothing in it is run."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import TowerError
from edge_runtime.towers.preprocess import InputSpec, normalise, tower_pixels
from export.quiet import import_tensorflow, quiet_tensorflow

_MEMBERS = {"metadata.json", "config.json", "model.weights.h5"}
_MAX_MEMBER = 1 << 30
_AGAIN = "Train again with built-in layers: python -m train fit"

# Where Keras's own layers and their parts live. A class from anywhere else would be imported, that is, run.
_BUILT_IN = frozenset(
    {
        "keras",
        "keras.activations",
        "keras.constraints",
        "keras.dtype_policies",
        "keras.initializers",
        "keras.layers",
        "keras.models",
        "keras.regularizers",
        "keras.src.models.functional",
        "keras.src.models.model",
        "keras.src.models.sequential",
        "keras.src.ops.nn",
        "keras.src.ops.numpy",
    }
)
# Built-in, but they carry or load code or a foreign model.
_CARRIERS = frozenset(
    {"FlaxLayer", "JaxLayer", "Lambda", "TFSMLayer", "TorchModuleWrapper", "__lambda__", "function", "type"}
)
_MODELLESS = frozenset(
    {"__ellipsis__", "__keras_tensor__", "__numpy__", "__slice__", "__tensor__", "__tuple__", "slice"}
)
_BATCH = 32


def load_keras_tower(path: Path, spec: InputSpec, *, embedding_length: int) -> Any:
    """Load a trained tower for inference.

    Args:
        path: The ``.keras`` file (Keras 3).
        spec: What it must take in.
        embedding_length: Length of the embeddings that it must give.

    Returns:
        The Keras model: float32 (n, size, size, channels) in, float32 (n, ``embedding_length``) out.

    Raises:
        TowerError: The file is missing, damaged or no Keras 3 file, holds a layer that is not built in, has weights
            that are not finite, or does not fit the run's configuration.
    """
    if not path.is_file():
        raise TowerError(f"{path} is missing: the training run did not finish. Run: python -m train fit")
    model = load_keras_model(path, again=_AGAIN)
    inputs, outputs = list(model.inputs), list(model.outputs)
    shapes = [tuple(tensor.shape)[1:] for tensor in (*inputs, *outputs)]
    if len(inputs) != 1 or shapes != [spec.shape, (embedding_length,)]:
        raise TowerError(
            f"{path} does not fit the run's config.json: its shapes are {shapes}, "
            f"{[spec.shape, (embedding_length,)]} are needed. {_AGAIN}"
        )
    return model


def load_keras_model(path: Path, *, again: str) -> Any:
    """Load any Keras 3 file of built-in layers for inference; nothing in it is run.

    Args:
        path: The ``.keras`` file; it exists.
        again: What an error message advises, as a whole sentence without a full stop.

    Returns:
        The Keras model, whatever it takes and gives.

    Raises:
        TowerError: The file is damaged or no Keras 3 file, holds a layer that is not built in, or has weights that are
            not finite.
    """
    _look_through(path, again)
    _, keras = import_tensorflow()
    with quiet_tensorflow():
        try:
            model = keras.models.load_model(path, compile=False, safe_mode=True)
        except Exception as error:  # Keras raises nearly anything over a damaged file.
            raise TowerError(f"Keras cannot load {path}: {_first_line(error)} {again}") from error
        broken = [weight.path for weight in model.weights if not np.isfinite(weight.numpy()).all()]
    if broken:
        raise TowerError(
            f"{path}: {len(broken)} of its weights are not finite numbers, beginning with {broken[0]}. "
            f"The training diverged: train it again with a lower learning rate. {again}"
        )
    return model


def embed_float(model: Any, crops_rgb: npt.NDArray[np.uint8], spec: InputSpec) -> npt.NDArray[np.float32]:
    """Raw embeddings of the Keras tower.

    Args:
        model: From :func:`load_keras_tower`.
        crops_rgb: uint8 of shape (n, size_px, size_px, 3), RGB.
        spec: What the tower takes in.

    Returns:
        float32 of shape (n, d), not normalised; not finite where the tower is broken.
    """
    values = tower_values(crops_rgb, spec)
    parts = [model(values[i : i + _BATCH], training=False).numpy() for i in range(0, len(values), _BATCH)]
    return np.concatenate(parts).astype(np.float32)


def tower_values(crops_rgb: npt.NDArray[np.uint8], spec: InputSpec) -> npt.NDArray[np.float32]:
    """What the tower sees of some crops: float32 of shape (n, size_px, size_px, channels)."""
    values = np.empty((len(crops_rgb), *spec.shape), dtype=np.float32)
    for row, crop in zip(values, crops_rgb, strict=True):
        row[:] = normalise(tower_pixels(crop, spec), spec)
    return values


def _look_through(path: Path, again: str) -> None:
    """Refuse a file before Keras touches it."""
    try:
        with zipfile.ZipFile(path) as archive:
            sizes = {entry.filename: entry.file_size for entry in archive.infolist()}
            if set(sizes) != _MEMBERS or max(sizes.values()) > _MAX_MEMBER:
                raise TowerError(f"{path} is not a plain Keras 3 file: it holds {', '.join(sorted(sizes))}. {again}")
            damaged = archive.testzip()
            config = json.loads(archive.read("config.json"))
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        raise TowerError(
            f"{path} is not a whole Keras file: it is damaged, truncated or something else. {again}"
        ) from error
    if damaged is not None or not isinstance(config, dict):
        raise TowerError(f"{path} is not a whole Keras file: its {damaged or 'config.json'} is damaged. {again}")
    # Losses and optimizers are of the training only: with compile=False Keras leaves them alone.
    config.pop("compile_config", None)
    for problem in _foreign(config):
        raise TowerError(f"{path} holds {problem}: refused, and nothing in it was run. {again}")


def _foreign(node: Any) -> Iterator[str]:
    """What in a Keras configuration is not one of Keras's own plain classes."""
    if isinstance(node, list):
        for item in node:
            yield from _foreign(item)
    if not isinstance(node, dict):
        return
    if "class_name" in node:
        name, module = str(node["class_name"]), node.get("module")
        known = module in _BUILT_IN if module is not None else name in _MODELLESS
        if name in _CARRIERS:
            yield f"a {name} layer, which carries code of its own"
        elif not known or node.get("registered_name") not in (None, name):
            yield f"{name!r} of {module or 'nowhere'!r}, which is not a built-in Keras class"
    for value in node.values():
        yield from _foreign(value)


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:300]
