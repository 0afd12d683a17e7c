"""IDX files, as MNIST and its relatives come: ``*-images-idx3-ubyte[.gz]`` and ``*-labels-idx1-ubyte[.gz]``.

The format is the one that LeCun, Cortes and Burges gave with MNIST: a big-endian magic number (2051 for pictures, 2049
for labels), the sizes as 32-bit numbers, and then the bytes.
"""

from __future__ import annotations

import gzip
import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import cv2
import numpy as np
import numpy.typing as npt

from edge_runtime.errors import DataError
from edge_runtime.images import Image
from train.data.sources.source import Content, Entry, Kind, check_entries, fingerprint_of

_IMAGES = re.compile(r"(?P<set>.*?)(?P<half>train|t10k|test)?-?images[-.]idx3-ubyte(\.gz)?")
_HALVES = {"train": "train", "t10k": "test", "test": "test", None: None}
_MAX_BYTES = 1 << 32


@dataclass(frozen=True, slots=True, kw_only=True)
class IdxPair:
    """A file of pictures and its file of labels.

    Attributes:
        images: The one.
        labels: The other.
        half: ``"train"``, ``"test"``, or None where the name does not say.
    """

    images: Path
    labels: Path
    half: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IdxSource:
    """Pictures of IDX files; the label's number is the person (see :class:`train.data.sources.source.PictureSource`).

    Attributes:
        where: The folder or file.
        pairs: The files.
        entries: All pictures, in the files' order.
        kind: They are no faces.
        template: They are not aligned.
    """

    where: str
    pairs: Sequence[IdxPair]
    entries: Sequence[Entry]
    kind: Kind = "pictures"
    template: None = None

    def fingerprint(self) -> str:
        """Changes with the place, size and time of any of the files."""
        files = [path for pair in self.pairs for path in (pair.images, pair.labels)]
        states = [(path, path.stat()) for path in files]
        return fingerprint_of("idx", (f"{path.resolve()}\0{s.st_size}\0{s.st_mtime_ns}" for path, s in states))

    def read(self) -> Iterator[tuple[int, Content]]:
        """The pixels of each picture, file after file."""
        position = 0
        for pair in self.pairs:
            for pixels in read_idx(pair.images, axes=3):
                yield position, grey_as_rgb(pixels)
                position += 1


def grey_as_rgb(pixels: npt.NDArray[np.uint8]) -> Image:
    """Grey pixels of shape (height, width) as RGB of shape (height, width, 3)."""
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB), dtype=np.uint8)


def find_idx(folder: Path) -> list[Path]:
    """The files of pictures in a folder, training half first; of a file and its ``.gz`` the unpacked one."""
    found = {path.name.removesuffix(".gz"): path for path in sorted(folder.iterdir(), reverse=True) if is_idx(path)}
    order = ("train", None, "t10k", "test")
    return sorted(found.values(), key=lambda path: (order.index(_parse(path)[1]), path.name))


def is_idx(path: Path) -> bool:
    """Whether a file's name says that it holds IDX pictures."""
    return _IMAGES.fullmatch(path.name) is not None


def _parse(path: Path) -> tuple[str, str | None]:
    match = _IMAGES.fullmatch(path.name)
    return (match["set"], match["half"]) if match else ("", None)


def open_idx(images: Sequence[Path], where: str) -> IdxSource:
    """List the pictures of IDX files.

    Args:
        images: Files of pictures; those of labels must lie beside them.
        where: What messages call the source.

    Raises:
        DataError: The files are of several sets, one is missing or damaged, or a count does not match.
    """
    if len({_parse(path)[0] for path in images}) > 1:
        names = ", ".join(path.name for path in images)
        raise DataError(f"{where} holds several sets ({names}). Give one of these files in place of the folder.")
    pairs = [_with_labels(path) for path in images]
    entries: list[Entry] = []
    for pair in pairs:
        labels = read_idx(pair.labels, axes=1)
        with _open(pair.images) as stream:
            count = _header(stream, pair.images, axes=3)[0]
        if count != len(labels):
            raise DataError(
                f"{pair.images} has {count} pictures, {pair.labels} has {len(labels)} labels. Copy both again."
            )
        entries += label_entries(labels, pair.half)
    check_entries(entries, where)
    return IdxSource(where=where, pairs=tuple(pairs), entries=tuple(entries))


def label_entries(labels: npt.NDArray[np.integer], half: str | None) -> list[Entry]:
    """Entries of numbered pictures, such as ``7/train-00012``: the label is the person."""
    prefix = f"{half}-" if half else ""
    return [Entry(person=str(n), name=f"{n}/{prefix}{i:05d}", half=half) for i, n in enumerate(labels.tolist())]


def _with_labels(images: Path) -> IdxPair:
    stem = images.name.removesuffix(".gz")
    head, _, tail = stem.rpartition("images")
    wanted = f"{head}labels{tail.replace('idx3', 'idx1')}"
    for name in (wanted, f"{wanted}.gz"):
        labels = images.with_name(name)
        if labels.is_file():
            return IdxPair(images=images, labels=labels, half=_HALVES[_parse(images)[1]])
    raise DataError(f"{images} needs its labels beside it, in {wanted} or {wanted}.gz; neither is there. Copy it too.")


def _open(path: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(path, "rb")) if path.suffix == ".gz" else open(path, "rb")


def read_idx(path: Path, *, axes: int) -> npt.NDArray[np.uint8]:
    """Read a whole IDX file.

    Args:
        path: The file, packed by gzip if its name ends in ``.gz``.
        axes: 3 for pictures, 1 for labels.

    Returns:
        uint8 of shape (n, height, width) or (n,).

    Raises:
        DataError: It cannot be read, has another magic number, or its length is not what its header says.
    """
    with _open(path) as stream:
        shape = _header(stream, path, axes=axes)
        size = int(np.prod(shape, dtype=np.int64))
        data = _read(stream, size + 1, path)
    if len(data) != size:
        got = f"{len(data)}" if len(data) < size else "more"
        raise DataError(f"{path} is damaged: its header promises {size} bytes of data, there are {got}. Copy it again.")
    return np.frombuffer(data, np.uint8).reshape(shape)


def _header(stream: IO[bytes], path: Path, *, axes: int) -> tuple[int, ...]:
    head = _read(stream, 4 + 4 * axes, path)
    wanted = 0x800 + axes
    if len(head) < 4 + 4 * axes:
        raise DataError(f"{path} is damaged: it ends within its header. Copy it again.")
    magic, *shape = struct.unpack(f">{1 + axes}I", head)
    if magic != wanted:
        what = "pictures" if axes == 3 else "labels"
        raise DataError(f"{path} is no IDX file of {what}: its magic number is {magic}, not {wanted}. Copy it again.")
    size = 1
    for length in shape:
        size *= length
    if size > _MAX_BYTES or (axes == 3 and 0 in shape[1:]):
        raise DataError(f"{path} is damaged: its header promises {' × '.join(map(str, shape))} bytes. Copy it again.")
    return tuple(shape)


def _read(stream: IO[bytes], count: int, path: Path) -> bytes:
    try:
        return stream.read(count)
    except EOFError as error:
        raise DataError(f"{path} is damaged: it ends too early. Copy it again.") from error
    except (OSError, zlib.error) as error:
        raise DataError(f"cannot read {path}: {error}. Copy it again.") from error
