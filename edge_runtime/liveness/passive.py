"""A passive anti-spoof model of the user's own: a ``.tflite`` file with a card that says how it is asked.

siamlite has none of its own: none is known that may be given on and holds beyond the cameras it was trained with.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import DataError, TowerError, UsageError
from edge_runtime.faces.align import cut_square
from edge_runtime.faces.detect import Face
from edge_runtime.files import read_json, read_whole, sha256_bytes
from edge_runtime.images import Image
from edge_runtime.liveness.policy import LIVE, PASSIVE_NOT_DONE, SPOOF, Liveness
from edge_runtime.towers.interpreter import Interpreter, dequantize
from edge_runtime.towers.preprocess import InputSpec, normalise, quantization_table, tower_pixels

_ACTIVATIONS = ("none", "sigmoid", "softmax")
_KEYS = {"schema_version", "name", "file", "sha256", "input", "crop_scale", "live_output", "activation", "threshold"}
# Looks whose mean is compared with the threshold, once.
LOOKS = 5
_MAX_FILE, _MAX_NAME = 512 << 20, 100


@dataclass(frozen=True, slots=True, kw_only=True)
class AntiSpoofCard:
    """What a user says of an anti-spoof model.

    Attributes:
        name: What messages call it.
        file: Its ``.tflite`` file, beside the card.
        sha256: The one content that is accepted.
        input: What it takes in.
        crop_scale: Side of the square that it sees, in longer sides of the detector's box.
        live_output: Which of its outputs says "a person".
        activation: What makes scores of 0 to 1 of the outputs: ``"none"``, ``"sigmoid"`` or ``"softmax"``.
        threshold: Lowest mean score that is taken for a person.
    """

    name: str
    file: str
    sha256: str
    input: InputSpec
    crop_scale: float
    live_output: int
    activation: str
    threshold: float

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        if Path(self.file).name != self.file or not self.file:
            raise UsageError(f"the anti-spoof model must lie beside its card: a file name, not {self.file!r:.50}.")
        if not all(text.isprintable() and len(text) <= _MAX_NAME for text in (self.name, self.file)):
            raise UsageError(
                f"the name and the file of an anti-spoof model are at most {_MAX_NAME} printable characters."
            )
        if not math.isfinite(self.crop_scale) or not 0.5 <= self.crop_scale <= 8:
            raise UsageError(f"crop_scale must be from 0.5 to 8, not {self.crop_scale!r:.50}.")
        if self.activation not in _ACTIVATIONS:
            raise UsageError(f"activation must be {' or '.join(_ACTIVATIONS)}, not {self.activation!r:.50}.")
        if not 0 < self.threshold < 1:
            raise UsageError(f"the anti-spoof threshold must be between 0 and 1, not {self.threshold!r:.50}.")
        if not 0 <= self.live_output < 1000:
            raise UsageError(f"live_output must be the number of an output, from 0, not {self.live_output!r:.50}.")


def read_card(path: Path) -> AntiSpoofCard:
    """Read a card.

    Raises:
        DataError: It is missing, or no card.
        UsageError: A value of it cannot be.
    """
    values = read_json(path, what="the anti-spoof card")
    if set(values) != _KEYS or values["schema_version"] != 1:
        raise DataError(
            f"the anti-spoof card {path} must have exactly {', '.join(sorted(_KEYS))}; schema_version is 1."
        )
    try:
        return AntiSpoofCard(
            name=str(values["name"]),
            file=str(values["file"]),
            sha256=str(values["sha256"]),
            input=InputSpec(**values["input"]),
            crop_scale=float(values["crop_scale"]),
            live_output=int(values["live_output"]),
            activation=str(values["activation"]),
            threshold=float(values["threshold"]),
        )
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(f"the anti-spoof card {path} has a value of the wrong kind: {error}.") from error


class AntiSpoof:
    """A loaded model.

    Attributes:
        card: What the user says of it.
    """

    def __init__(self, card_file: Path, *, threads: int = 1, family: str | None = None) -> None:
        """Load a model.

        Args:
            card_file: Its card; the model lies beside it.
            threads: Threads to compute with.
            family: Which interpreter.

        Raises:
            DataError, UsageError: The card cannot be used.
            TowerError: The model is missing, is another one, or does not fit its card.
        """
        self.card = read_card(card_file)
        model = card_file.parent / self.card.file
        try:
            data = read_whole(model, most_bytes=_MAX_FILE)
        except OSError as error:
            raise TowerError(f"cannot read the anti-spoof model {model}: {error.strerror or error}.") from error
        if sha256_bytes(data) != self.card.sha256:
            raise TowerError(f"{model} is not the model of its card: its SHA-256 is {sha256_bytes(data)}.")
        self._interpreter = Interpreter(data, threads=threads, family=family)
        self._table = self._fitted(model)

    def score(self, image_rgb: Image, face: Face) -> float:
        """How much a face looks like a person, 0 to 1.

        Args:
            image_rgb: uint8 picture of shape (height, width, 3).
            face: The face in it.

        Raises:
            TowerError: The model fails, or gives what is no number.
        """
        spec = self.card.input
        pixels = tower_pixels(_crop(image_rgb, face, self.card.crop_scale, spec.size_px), spec)
        values = normalise(pixels, spec) if self._table is None else self._table[pixels]
        raw = self._interpreter.run(values[None])[0]
        score = _activated(dequantize(raw, self._interpreter.outputs[0]).ravel(), self.card)
        if not math.isfinite(score):
            raise TowerError(f"the anti-spoof model {self.card.name} gave a score that is no number.")
        return score

    def _fitted(self, model: Path) -> npt.NDArray[np.int8 | np.uint8] | None:
        """The table of pixel values, if the input is quantized. Refuses a model that its card does not fit."""
        spec, (given, *more) = self.card.input, self._interpreter.inputs
        if more or given.shape != (1, *spec.shape) or given.dtype not in ("float32", "int8", "uint8"):
            raise TowerError(
                f"{model} takes {given.dtype} {given.shape}; its card says (1, {', '.join(map(str, spec.shape))})."
            )
        count = int(np.prod(self._interpreter.outputs[0].shape))
        if len(self._interpreter.outputs) != 1 or self.card.live_output >= count:
            raise TowerError(f"{model} gives {count} scores; its card asks for number {self.card.live_output}, from 0.")
        if given.dtype == "float32":
            return None
        return quantization_table(spec, step=given.step, zero_point=given.zero_point, dtype=given.dtype)


class PassiveTest:
    """The scores of one track."""

    def __init__(self, model: AntiSpoof) -> None:
        self._model = model
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self._scores: list[float] = []
        self.finding = Liveness(live=None, reason=PASSIVE_NOT_DONE, advice="look at the camera a little longer")

    def step(self, image_rgb: Image, face: Face) -> Liveness:
        """Take a frame in which the face was detected. After :data:`LOOKS` of them the mean decides, once."""
        if self.finding.live is None:
            self._scores.append(self._model.score(image_rgb, face))
            if len(self._scores) >= LOOKS:
                live = float(np.mean(self._scores)) >= self._model.card.threshold
                self.finding = (
                    LIVE if live else Liveness(live=False, reason=SPOOF, advice="show yourself, not a picture")
                )
        return self.finding


def _crop(image_rgb: Image, face: Face, scale: float, size_px: int) -> Image:
    left, top, right, bottom = face.box_px
    factor = size_px / max(scale * max(right - left, bottom - top), 1.0)
    # The centre of the box comes to lie at the centre of the square; a pixel's centre is at its index.
    shift_x = (size_px - 1) / 2 - factor * ((left + right) / 2 - 0.5)
    shift_y = (size_px - 1) / 2 - factor * ((top + bottom) / 2 - 0.5)
    return cut_square(image_rgb, np.array([[factor, 0, shift_x], [0, factor, shift_y]], dtype=np.float64), size_px)


def _activated(outputs: npt.NDArray[np.float32], card: AntiSpoofCard) -> float:
    values = outputs.astype(np.float64)
    if card.activation == "softmax":
        powers = np.exp(values - values.max())
        return float(powers[card.live_output] / powers.sum())
    value = float(values[card.live_output])
    return 1 / (1 + math.exp(-min(max(value, -700.0), 700.0))) if card.activation == "sigmoid" else value
