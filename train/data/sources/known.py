"""Sets that have a name: ``fashion-mnist`` and ``mnist``, where Debian or Keras has put them. Nothing is downloaded."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import DataError
from train.data.sources.idx import find_idx, grey_as_rgb, label_entries, open_idx
from train.data.sources.source import Content, Entry, Kind, PictureSource, check_entries, fingerprint_of

KNOWN = ("fashion-mnist", "mnist")
DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")
_MAX_BYTES = 1 << 32


def keras_folder() -> Path:
    """Where Keras keeps the sets that it downloaded: below ``$KERAS_HOME``, or ``~/.keras``."""
    home = os.environ.get("KERAS_HOME")
    return (Path(home).expanduser() if home else Path.home() / ".keras") / "datasets"


def open_known(name: str) -> PictureSource:
    """Find a set by its name.

    Args:
        name: One of :data:`KNOWN`.

    Raises:
        DataError: It is not on this machine, or is damaged.
    """
    if name == "fashion-mnist":
        for folder in (DEBIAN_FOLDER, keras_folder() / name):
            if folder.is_dir() and find_idx(folder):
                return open_idx(find_idx(folder), str(folder))
        way = "sudo apt-get install dataset-fashion-mnist, or once with network: " + _keras_words("fashion_mnist")
    else:
        path = keras_folder() / "mnist.npz"
        if path.is_file():
            return open_npz(path)
        way = "once with network: " + _keras_words("mnist")
    raise DataError(f"{name} is not on this machine, and nothing is downloaded for it. Get it: {way}")


def _keras_words(module: str) -> str:
    return f'python -c "import keras; keras.datasets.{module}.load_data()"'


@dataclass(frozen=True, slots=True, kw_only=True)
class NpzSource:
    """Keras' own file of grey pictures (see :class:`train.data.sources.source.PictureSource`).

    Attributes:
        path: The file.
        entries: All pictures, the training half first.
        kind: They are no faces.
        template: They are not aligned.
    """

    path: Path
    entries: Sequence[Entry]
    kind: Kind = "pictures"
    template: None = None

    @property
    def where(self) -> str:
        """The file."""
        return str(self.path)

    def fingerprint(self) -> str:
        """Changes with the place, size and time of the file."""
        state = self.path.stat()
        return fingerprint_of(str(self.path.resolve()), [f"{state.st_size}\0{state.st_mtime_ns}"])

    def read(self) -> Iterator[tuple[int, Content]]:
        """The pixels of each picture."""
        position = 0
        for half in ("train", "test"):
            for pixels in _array(self.path, f"x_{half}", axes=3):
                yield position, grey_as_rgb(pixels)
                position += 1


def open_npz(path: Path) -> NpzSource:
    """List the pictures of a ``.npz`` with uint8 ``x_train``, ``y_train``, ``x_test`` and ``y_test``.

    Raises:
        DataError: It is damaged or is no such file.
    """
    entries: list[Entry] = []
    for half in ("train", "test"):
        labels = _array(path, f"y_{half}", axes=1)
        count = len(_array(path, f"x_{half}", axes=3))
        if count != len(labels):
            raise DataError(f"{path} has {count} {half} pictures and {len(labels)} labels. Remove it and get it again.")
        entries += label_entries(labels, half)
    check_entries(entries, str(path))
    return NpzSource(path=path, entries=tuple(entries))


def _array(path: Path, name: str, *, axes: int) -> npt.NDArray[np.uint8]:
    """One array of the file; objects in it are never unpickled."""
    try:
        with zipfile.ZipFile(path) as packed:
            size = packed.getinfo(f"{name}.npy").file_size
        if size > _MAX_BYTES:
            raise DataError(f"{path} is damaged: {name} would take {size} bytes. Remove it and get it again.")
        with np.load(path, allow_pickle=False) as arrays:
            values = arrays[name]
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        words = f"it lacks {name}" if isinstance(error, KeyError) else str(error)
        raise DataError(f"{path} is no file of pictures by Keras: {words}. Remove it and get it again.") from error
    if values.ndim != axes or values.dtype != np.uint8 or 0 in values.shape[1:]:
        raise DataError(f"{name} in {path} must be uint8 with {axes} axes, not {values.dtype} {values.shape}.")
    return np.asarray(values, dtype=np.uint8)
