"""What a tower costs on this machine: parameters, operations, file sizes and time, as float and as full int8.

Nothing here depends on what a tower has learnt, so it is measured untrained. For the same reason the conversion is the
bare minimum; the one whose result goes on a device is in the package ``export``.
"""

from __future__ import annotations

import contextlib
import logging
import tempfile
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from edge_runtime.commands.quiet import quiet_stderr
from edge_runtime.errors import TowerError
from edge_runtime.towers.interpreter import Interpreter
from edge_runtime.towers.preprocess import InputSpec, normalise
from train.config import TowerConfig
from train.keras_quietly import known_warnings, tf
from train.towers.build import build_tower
from train.towers.macs import count_macs

_PICTURES = 8
# Runs of one model before the other's turn: short enough that noise hits both, long enough for warm caches.
_TURN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Time of one inference in ms."""

    median_ms: float
    p95_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TowerCost:
    """What a tower costs.

    Attributes:
        parameters: Numbers that it holds.
        macs: Multiply-accumulates for one picture.
        float_bytes: Size of the float32 flatbuffer.
        int8_bytes: Size of the full-int8 flatbuffer.
        float_latency: Time of the network alone for one picture, as float32.
        int8_latency: The same as full int8.
        interpreter: What ran it.
    """

    parameters: int
    macs: int
    float_bytes: int
    int8_bytes: int
    float_latency: Latency
    int8_latency: Latency
    interpreter: str


def measure_tower(spec: InputSpec, config: TowerConfig, *, threads: int = 1, repeats: int = 200) -> TowerCost:
    """Build a tower, convert it both ways and time it.

    Args:
        spec: What it takes in.
        config: The tower.
        threads: Threads to compute with.
        repeats: Runs of each of the two models that are timed.

    Raises:
        UsageError: The tower cannot be built with these settings, or the number of threads is wrong.
        TowerError: TensorFlow cannot convert it.
    """
    tower = build_tower(spec, config)
    pictures = normalise(smooth_pictures(spec, _PICTURES), spec)
    files = [convert(tower, spec), convert(tower, spec, representative=pictures)]
    models = [Interpreter(flatbuffer, threads=threads) for flatbuffer in files]
    float_latency, int8_latency = time_in_turns(models, repeats=repeats)
    backend = models[0].backend
    return TowerCost(
        parameters=int(tower.count_params()),
        macs=count_macs(tower),
        float_bytes=len(files[0]),
        int8_bytes=len(files[1]),
        float_latency=float_latency,
        int8_latency=int8_latency,
        interpreter=f"{backend.distribution} {backend.version}",
    )


def convert(tower: Any, spec: InputSpec, *, representative: npt.NDArray[np.float32] | None = None) -> bytes:
    """Convert a tower with batch 1 and built-in operators alone.

    Args:
        tower: Keras model.
        spec: What it takes in.
        representative: What sets the int8 ranges: float32 (n, size, size, channels); without it the result is float32.

    Returns:
        The flatbuffer: float32 or int8 at both ends.

    Raises:
        TowerError: TensorFlow cannot convert it.
    """
    signature = [tf.TensorSpec((1, *spec.shape), tf.float32, name="pixels")]
    with _quiet(), tempfile.TemporaryDirectory(prefix="siamlite-towers-") as folder:
        try:
            tower.export(folder, format="tf_saved_model", verbose=False, input_signature=signature)
            converter = tf.lite.TFLiteConverter.from_saved_model(folder)
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
            if representative is not None:
                converter.optimizations = [tf.lite.Optimize.DEFAULT]
                converter.representative_dataset = lambda: ([picture[None]] for picture in representative)
                converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
                converter.inference_input_type = converter.inference_output_type = tf.int8
            return bytes(converter.convert())
        except Exception as error:  # The converter raises errors of many unrelated kinds.
            lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
            raise TowerError(f"TensorFlow cannot convert the tower {tower.name}: {lines[0][:300]}") from error


def time_in_turns(models: list[Interpreter], *, repeats: int) -> list[Latency]:
    """Time models in turns, so that whatever else runs on the machine hits all of them alike.

    Args:
        models: Each with one input, which is fed the same random values every time.
        repeats: Timed runs of each; each turn begins with one that does not count.

    Returns:
        Median and 95th percentile for each model.
    """
    inputs = [_random_input(model) for model in models]
    times: list[list[float]] = [[] for _ in models]
    while len(times[-1]) < repeats:
        for model, values, taken in zip(models, inputs, times, strict=True):
            model.run(values)
            for _ in range(min(_TURN, repeats - len(taken))):
                start = time.perf_counter()
                model.run(values)
                taken.append((time.perf_counter() - start) * 1e3)
    percentiles = [np.percentile(taken, [50, 95]) for taken in times]
    return [Latency(median_ms=round(float(a), 3), p95_ms=round(float(b), 3)) for a, b in percentiles]


def smooth_pictures(spec: InputSpec, count: int, *, seed: int = 0) -> npt.NDArray[np.uint8]:
    """Random pictures with the smooth light and shade of photographs: uint8 (count, size, size, channels)."""
    rng = np.random.default_rng(seed)
    side = spec.size_px
    coarse = rng.integers(0, 256, (count, 5, 5, spec.channels)).astype(np.float32)
    pictures = [cv2.resize(picture, (side, side), interpolation=cv2.INTER_CUBIC) for picture in coarse]
    return np.clip(np.stack(pictures), 0, 255).astype(np.uint8).reshape(count, *spec.shape)


def _random_input(model: Interpreter) -> npt.NDArray[Any]:
    tensor = model.inputs[0]
    rng = np.random.default_rng(0)
    if tensor.dtype == "int8":
        return rng.integers(-128, 128, tensor.shape, dtype=np.int8)
    return rng.uniform(-1, 1, tensor.shape).astype(np.float32)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep TensorFlow's notes about a conversion off the terminal; what matters comes as an exception."""
    logger = tf.get_logger()
    level = logger.level
    with known_warnings(), quiet_stderr():
        warnings.filterwarnings("ignore", message="Statistics for quantized inputs were expected", category=UserWarning)
        try:
            logger.setLevel(logging.ERROR)
            yield
        finally:
            logger.setLevel(level)
