"""Which source a word on the command line means."""

from __future__ import annotations

from pathlib import Path

from edge_runtime.errors import DataError
from edge_runtime.people import read_faces_mark
from train.data.sources.archive import is_archive, open_archive
from train.data.sources.folder import open_folder
from train.data.sources.idx import find_idx, is_idx, open_idx
from train.data.sources.known import KNOWN, open_known, open_npz
from train.data.sources.omniglot import PREFIX, open_omniglot
from train.data.sources.source import PictureSource


def open_source(place: str | Path) -> PictureSource:
    """Open a source of pictures.

    What exists under the path comes first; a folder with IDX files is read as those, any other as folders of people.

    Args:
        place: A folder, a ``.zip`` or ``.tar[.gz|.xz|.bz2]`` archive, a file ``*-images-idx3-ubyte[.gz]``, an ``.npz``
            in Keras' form, ``omniglot:`` with a folder or archive after it, or one of :data:`KNOWN`.

    Raises:
        DataError: There is nothing of the kind, or it cannot be used.
    """
    text, path = str(place), Path(place)
    if text.startswith(PREFIX):
        return open_omniglot(Path(text.removeprefix(PREFIX)))
    try:
        if path.is_dir():
            images = find_idx(path)
            return open_idx(images, text) if images else open_folder(path)
        if path.is_file():
            return _open_file(path)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}.") from error
    if text in KNOWN:
        return open_known(text)
    raise DataError(
        f"{text} is not a folder, nor an archive, nor one of {', '.join(KNOWN)}. "
        "Give a folder that holds one folder of pictures for each person."
    )


def _open_file(path: Path) -> PictureSource:
    if is_archive(path):
        return open_archive(path)
    if is_idx(path):
        return open_idx([path], str(path))
    if path.suffix == ".npz":
        return open_npz(path)
    raise DataError(
        f"{path} is no source of pictures. Give a folder, a .zip or .tar archive, a file *-images-idx3-ubyte, "
        f"or one of {', '.join(KNOWN)}."
    )


def needs_preparing(place: str | Path) -> bool:
    """Whether a source holds photographs, as far as can be told: folders of people, packed or not, without a mark.

    Marked faces, and pictures that are no faces, are used as they are.

    Raises:
        DataError: There is no such source.
    """
    path = Path(place)
    if path.is_dir() and not find_idx(path):
        return read_faces_mark(path) is None
    if not path.exists() or is_archive(path):
        return open_source(place).kind == "unmarked"
    return False


def source_name(place: str | Path) -> str:
    """A source as a run remembers it: the absolute path, or the name of a known set."""
    text = str(place)
    if text.startswith(PREFIX):
        return PREFIX + str(Path(text.removeprefix(PREFIX)).resolve())
    return text if text in KNOWN and not Path(text).exists() else str(Path(text).resolve())
