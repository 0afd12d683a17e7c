"""Data sets in files: lists of pairs, IDX files, archives."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import cv2
import numpy as np

from benchmarks.fuzz.choices import Choices
from benchmarks.fuzz.contract import Attempt


def _picture() -> bytes:
    return bytes(cv2.imencode(".png", np.zeros((8, 8, 3), np.uint8))[1])


def _archives() -> list[tuple[int, bytes]]:
    zipped, tarred = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        for name in ("ann/1.png", "ann/2.png", "ben/1.png"):
            archive.writestr(name, _picture())
    with tarfile.open(fileobj=tarred, mode="w:gz") as tar:
        info = tarfile.TarInfo("ann/1.png")
        info.size = len(_picture())
        tar.addfile(info, io.BytesIO(_picture()))
    return [(2, zipped.getvalue()), (3, tarred.getvalue())]


def seeds(folder: Path) -> list[bytes]:
    """A list of pairs, IDX files, archives; the first byte says which."""
    idx = b"\0\0\x08\x03\0\0\0\x02\0\0\0\x04\0\0\0\x04" + bytes(32)
    pairs = (
        b"2\t1\nann\t1\t2\nann\t1\tben\t1\nben\t1\t2\nann\t2\tben\t1\n",
        b"a/1.png,a/2.png,1\n",
        b'"' + b"x" * 200_000,
    )
    return [*(b"\0" + text for text in pairs), b"\1" + idx, *(bytes([kind]) + data for kind, data in _archives())]


_NAMES = (
    "pairs.txt",
    "images-idx3-ubyte",
    "case.zip",
    "case.tar.gz",
    "case.tar.xz",
    "images-idx3-ubyte.gz",
    "case.tar.bz2",
)


def make(folder: Path) -> Attempt:
    """One such file, read to its end."""
    from train.data.pairs import read_pairs
    from train.data.sources.idx import read_idx
    from train.data.sources.open import open_source

    def attempt(data: bytes) -> None:
        choices = Choices(data)
        name = choices.pick(_NAMES)
        path = folder / name
        path.write_bytes(choices.rest())
        if name.startswith("pairs"):
            read_pairs(path)
        elif name.startswith("images"):
            read_idx(path, axes=3)
        else:
            source = open_source(path)
            for _, _content in source.read():
                pass

    return attempt
