"""A foreign model, opened: what it takes and gives, and how it embeds."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import TowerError, UsageError
from edge_runtime.towers.preprocess import InputSpec
from export.runtimes.runner import Runner
from export.sources.float_tower import FloatTower

Shape = Sequence[int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignFile:
    """Where a foreign model is, and which part of it is the tower.

    Attributes:
        path: The file, or the folder of a SavedModel.
        output: Name of the output that is the embedding, where there are several (of a Keras file also a layer).
        signature: Name of a SavedModel's signature; the usual one if None.
        converter_python: Python of an environment that holds the converter of ONNX files; this one if None.
    """

    path: Path
    output: str | None = None
    signature: str | None = None
    converter_python: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignModel:
    """A foreign model, opened. It has either ``make_tower`` or ``flatbuffer``.

    Attributes:
        kind: What kind of file it is, for the card.
        sha256: Of the file, or over the list of a folder's files.
        size_px: Side of its input; None if it takes any.
        channels: Channels of its input; None if it takes any number.
        make_tower: Makes the float tower for an input specification.
        flatbuffer: The model of a TFLite file, which is taken as it is.
    """

    kind: str
    sha256: str
    size_px: int | None
    channels: int | None
    make_tower: Callable[[InputSpec], FloatTower] | None = None
    flatbuffer: bytes | None = None

    def embed(self, spec: InputSpec, crops_rgb: npt.NDArray[np.uint8], runner: Runner) -> npt.NDArray[np.float32]:
        """Embeddings of aligned crops, whatever the file is; float32 of shape (n, d).

        Raises:
            TowerError: It cannot be run; of a TFLite file also where an embedding is zero or not finite.
        """
        if self.make_tower is not None:
            return self.make_tower(spec).embed(crops_rgb)
        return runner.embed(self.flatbuffer or b"", spec, crops_rgb)


def picture_input(shape: Shape, path: Path) -> tuple[int | None, int | None]:
    """Side and channels of a picture input.

    Args:
        shape: (height, width, channels), None where it is not fixed.
        path: For messages.

    Raises:
        TowerError: It is no square picture with the channels last.
    """
    if len(shape) != 3:
        raise TowerError(f"{path} takes {_words(shape)} values; a tower takes pictures: (height, width, channels).")
    height, width, channels = shape
    if height in (1, 3) and channels not in (None, 1, 3):
        raise TowerError(
            f"{path} takes pictures of shape {_words(shape)}, channels first; a tower takes them last. "
            "Export it with channels last (NHWC), or adopt its ONNX file: python -m export adopt MODEL.onnx …"
        )
    if height != width:
        raise TowerError(f"{path} takes pictures of {width}×{height} px; a tower's are square. Train or export it so.")
    return height, channels


def check_embedding(shape: Shape, path: Path) -> int:
    """Length of an embedding of shape (d,), or (1, 1, d) where pooling kept its axes.

    Raises:
        TowerError: It is something else.
    """
    length = shape[-1] if shape else None
    if length is None or any(n != 1 for n in shape[:-1]) or not 2 <= length <= 4096:
        raise TowerError(
            f"{path} gives {_words(shape)} values for a picture; an embedding is one row of 2 to 4096. "
            "Pool or flatten it in the model, or name another output with --output."
        )
    return int(length)


def choose_name(names: Sequence[str], asked: str | None, *, what: str, option: str, path: Path) -> str:
    """The one name there is, or the one asked for.

    Raises:
        UsageError: It is not there, or there are several and none was asked for.
    """
    if asked is None and len(names) == 1:
        return names[0]
    if asked in names:
        return str(asked)
    listed = ", ".join(names[:20]) or "none"
    wrong = f"has {len(names)} {what}s" if asked is None else f"has no {what} {asked!r}"
    raise UsageError(f"{path} {wrong}: name one with {option}. It has: {listed}.")


def first_line(error: Exception) -> str:
    """What a library's error says, in short; behind the traceback that TensorFlow puts in front of some."""
    lines = [re.sub(r"\s+", " ", line).strip() for line in str(error).splitlines() if line.strip()]
    telling = lines[-1] if lines and lines[0] == "in user code:" else (lines or [type(error).__name__])[0]
    return telling[:300].rstrip(".")


def _words(shape: Shape) -> str:
    return "×".join("?" if n is None else str(n) for n in shape) or "single"
