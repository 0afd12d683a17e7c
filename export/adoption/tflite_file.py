"""A TFLite file that others converted: taken as it is, without what was appended to it."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from edge_runtime.errors import DataError, TowerError
from edge_runtime.files import sha256_bytes
from edge_runtime.towers.interpreter import TensorSpec
from export.adoption.model import (
    ForeignFile,
    ForeignModel,
    check_embedding,
    choose_name,
    first_line,
    picture_input,
)
from export.adoption.trial import try_flatbuffer
from export.quiet import quiet_tensorflow

_MAX_FILE = 512 << 20
_TYPES = ("float32", "int8", "uint8")


def open_tflite(source: ForeignFile, *, family: str | None) -> ForeignModel:
    """Open a ``.tflite`` file; it is first run in a process of its own.

    Args:
        source: The file.
        family: Interpreter to run it in.

    Raises:
        DataError: The file cannot be read.
        TowerError: It is damaged, no tower, or a siamlite tower already.
        UsageError: It has several outputs and none was named, or the named one is not there.
    """
    path = source.path
    data = _read(path)
    flatbuffer = _without_archive(data, path)
    inputs, outputs = try_flatbuffer(flatbuffer, name=str(path), family=family)
    if len(inputs) != 1:
        listed = ", ".join(tensor.name for tensor in inputs)
        raise TowerError(f"{path} takes {len(inputs)} inputs ({listed}); a tower takes one picture.")
    names = [tensor.name for tensor in outputs]
    output = outputs[names.index(choose_name(names, source.output, what="output", option="--output", path=path))]
    size_px, channels = _check_ends(inputs[0], output, path)
    if len(outputs) > 1:
        flatbuffer = _with_one_output(flatbuffer, output, path)
        try_flatbuffer(flatbuffer, name=f"{path} with the output {output.name!r} alone", family=family)
    return ForeignModel(
        kind="tflite", sha256=sha256_bytes(data), size_px=size_px, channels=channels, flatbuffer=flatbuffer
    )


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > _MAX_FILE:
            raise TowerError(f"{path} is larger than {_MAX_FILE >> 20} MiB: this is no tower for a device.")
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}.") from error


def _without_archive(data: bytes, path: Path) -> bytes:
    """The flatbuffer alone: labels and other associated files lie in a zip archive behind it."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            names = {entry.filename for entry in entries}
            start = min((entry.header_offset for entry in entries), default=archive.start_dir)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError):
        return data
    if {"card.json", "hashes.json"} <= names:
        raise TowerError(f"{path} is a siamlite tower already. Use it as it is: siamlite doctor --tower {path}")
    return data[:start] if start > 8 else data


def _check_ends(taken: TensorSpec, given: TensorSpec, path: Path) -> tuple[int | None, int | None]:
    """Side and channels of the picture, after a look at shapes and types."""
    if taken.shape[:1] != (1,) or given.shape[:1] != (1,):
        raise TowerError(
            f"{path} takes {taken.shape} and gives {given.shape}: a tower takes one picture at a time. Convert it "
            "again with batch 1."
        )
    if taken.shape[1:3] == (1, 1):
        raise TowerError(f"{path} leaves the size of its pictures open. Convert it again with a fixed input size.")
    for end, what in ((taken, "takes"), (given, "gives")):
        if end.dtype not in _TYPES or (end.dtype != "float32" and not end.step > 0):
            kind = end.dtype if end.dtype not in _TYPES else f"{end.dtype} without a quantization"
            raise TowerError(f"{path} {what} {kind}; a tower takes and gives float32, or quantized int8 or uint8.")
    check_embedding(given.shape[1:], path)
    return picture_input(taken.shape[1:], path)


def _with_one_output(flatbuffer: bytes, output: TensorSpec, path: Path) -> bytes:
    """The same model with one of its outputs; its operators stay, and its signatures, which name the others, go."""
    with quiet_tensorflow():
        from tensorflow.lite.tools import flatbuffer_utils

        try:
            model = flatbuffer_utils.convert_bytearray_to_object(bytearray(flatbuffer))
            model.subgraphs[0].outputs = [output.index]
            model.signatureDefs = None
            return bytes(flatbuffer_utils.convert_object_to_bytearray(model))
        except Exception as error:  # The generated reader raises nearly anything over a damaged file.
            raise TowerError(f"{path}: its other outputs cannot be taken away: {first_line(error)}.") from error
