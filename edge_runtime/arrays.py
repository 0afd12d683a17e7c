"""Arrays in ``.npz`` files that strangers may have written: numbers of known names, and nothing else."""

from __future__ import annotations

import io
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Collection
from typing import Any

import numpy as np
import numpy.typing as npt

# Other methods unpack with as much memory as the file asks for, and raise errors of their own.
PLAIN_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_UNREADABLE = (
    ValueError, TypeError, KeyError, AttributeError, IndexError, SyntaxError, OverflowError, MemoryError,
    RecursionError, OSError, EOFError, RuntimeError, NotImplementedError, Warning, struct.error, tokenize.TokenError,
    zlib.error, zipfile.BadZipFile,
)  # fmt: skip


def arrays_in(data: bytes, names: Collection[str], *, most_bytes: int) -> dict[str, npt.NDArray[Any]]:
    """The arrays of an ``.npz`` file.

    Args:
        data: The file.
        names: What it must hold, no more and no less.
        most_bytes: How long all of it may be unpacked.

    Raises:
        ValueError: It is no such file, whatever else it may be.
    """
    wanted = {f"{name}.npy" for name in names}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive, warnings.catch_warnings():
            # numpy warns of headers that Python 2 wrote; nothing of ours did.
            warnings.simplefilter("error")
            entries = archive.infolist()
            if len(entries) != len(wanted) or {entry.filename for entry in entries} != wanted:
                raise ValueError("they are others")
            if sum(entry.file_size for entry in entries) > most_bytes:
                raise ValueError("they are too large")
            if any(entry.compress_type not in PLAIN_METHODS for entry in entries):
                raise ValueError("they are packed in another way")
            return {entry.filename.removesuffix(".npy"): _array(archive.read(entry)) for entry in entries}
    except _UNREADABLE as error:
        raise ValueError(f"they cannot be read: {type(error).__name__}") from error


def _array(data: bytes) -> npt.NDArray[Any]:
    array = np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
    if array.dtype.kind not in "iufb":
        raise ValueError("they are no numbers")
    return array
