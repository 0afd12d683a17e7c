"""Whole files or none: every file that siamlite writes goes through here."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, BinaryIO

from edge_runtime.commands.printable import printable
from edge_runtime.errors import DataError, UsageError, WriteError

_MAX_JSON, _MAX_HASHED = 64 << 20, 1 << 40


def write_bytes(
    path: str | Path, data: bytes, *, mode: int = 0o644, prove: Callable[[Path], None] | None = None
) -> Path:
    """Write a file so that a reader sees the old content or the new, never a part (see :func:`write_stream`)."""
    return write_stream(path, [data], mode=mode, prove=prove)


def write_stream(
    path: str | Path, parts: Iterable[bytes], *, mode: int = 0o644, prove: Callable[[Path], None] | None = None
) -> Path:
    """Write a file, part by part, so that a reader sees the old content or the new, never a part.

    The bytes go to a temporary file in the target's folder, are flushed to the disk, and then take the target's name
    in one step. On any failure the temporary file is removed and the target is as it was.

    Args:
        path: The file to write; its folder is made if need be.
        parts: Its content; what the iterator raises stops it.
        mode: Permission bits of the new file.
        prove: Is given the temporary file before it takes its name; what it raises stops that.

    Returns:
        The path written.

    Raises:
        WriteError: The target is a device or a pipe, the disk is full, the folder is read-only, or anything else the
            operating system refuses.
    """
    target = Path(path)
    refuse_device(target)
    temporary: str | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
        with os.fdopen(handle, "wb") as stream:
            for part in parts:
                stream.write(part)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, mode)
        if prove is not None:
            prove(Path(temporary))
        os.replace(temporary, target)
        temporary = None
        _sync_folder(target.parent)
    except OSError as error:
        raise WriteError(
            f"cannot write {target}: {error.strerror or error}. Nothing was changed; "
            "free some space or choose a folder that you may write to."
        ) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
    return target


def refuse_device(path: Path) -> None:
    """Refuse a target that is neither file nor folder: a file of that name would take the place of ``/dev/null``.

    Raises:
        WriteError: It is a device, a pipe or a socket.
    """
    if os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):
        raise WriteError(f"cannot write {path}: it is a device or a pipe, and no file. Choose another path.")


def _sync_folder(folder: Path) -> None:
    """Make a rename durable, where the platform lets a folder be synced."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def open_whole(path: str | Path, *, most_bytes: int) -> BinaryIO:
    """Open a file to be read, and nothing but a file: opening a pipe would wait for ever, a device may never end.

    Args:
        path: The file.
        most_bytes: How long it may be.

    Raises:
        OSError: It cannot be opened, is no file, or is longer; ``strerror`` says which.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0))
    except ValueError as error:
        raise OSError(errno.EINVAL, "it is no name of a file", printable(str(path))) from error
    try:
        state = os.fstat(handle)
        if stat.S_ISDIR(state.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(state.st_mode):
            raise OSError(errno.EINVAL, "it is a pipe or a device, and no file", str(path))
        if state.st_size > most_bytes:
            most = f"{most_bytes >> 20} MiB" if most_bytes >> 20 else f"{most_bytes >> 10} KiB"
            raise OSError(errno.EFBIG, f"it is larger than {most}", str(path))
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def read_whole(path: str | Path, *, most_bytes: int) -> bytes:
    """The bytes of a file (see :func:`open_whole`).

    Raises:
        OSError: It cannot be read, is no file, or is longer.
    """
    with open_whole(path, most_bytes=most_bytes) as stream:
        # The file may grow meanwhile.
        return stream.read(most_bytes)


def write_json(path: str | Path, value: Any) -> Path:
    """Write a value as indented, key-sorted JSON (see :func:`write_bytes`)."""
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return write_bytes(path, (text + "\n").encode())


def read_json(path: str | Path, *, what: str) -> dict[str, Any]:
    """Read a JSON object from a file.

    Args:
        path: The file.
        what: What the file is, for the error message ("the split of this run").

    Raises:
        DataError: The file is missing, is not JSON, or is not an object.
    """
    try:
        value = json.loads(read_whole(path, most_bytes=_MAX_JSON).decode("utf-8"))
    except OSError as error:
        raise DataError(f"cannot read {what}, {path}: {error.strerror or error}.") from error
    except ValueError as error:
        raise DataError(f"{what}, {path}, is not valid JSON ({error}). Make it again.") from error
    except RecursionError as error:
        raise DataError(f"{what}, {path}, is nested too deeply. Make it again.") from error
    if not isinstance(value, dict):
        raise DataError(f"{what}, {path}, holds a {type(value).__name__}, not a JSON object.")
    return value


def sha256_bytes(data: bytes) -> str:
    """SHA-256 of some bytes, as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: str | Path) -> str:
    """SHA-256 of a file's content, as 64 hexadecimal digits.

    Raises:
        DataError: The file cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with open_whole(path, most_bytes=_MAX_HASHED) as stream:
            for block in iter(lambda: stream.read(1 << 20), b""):
                digest.update(block)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}.") from error
    return digest.hexdigest()


def refuse_overwrite(path: str | Path, *, force: bool) -> None:
    """Refuse to replace an existing file or a non-empty folder unless forced.

    Raises:
        UsageError: The target exists and ``force`` is false.
    """
    target = Path(path)
    # os.path says no where pathlib raises: of a name that is too long, or a folder that is closed to us.
    taken = any(target.iterdir()) if os.path.isdir(target) else os.path.exists(target)
    if taken and not force:
        raise UsageError(f"{target} exists already. Choose another path, or replace it with --force.")


def staging_folder(target: Path) -> Path:
    """A new empty folder beside the target, on the same disk, to work in until everything is there.

    Raises:
        WriteError: It cannot be made.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent))
    except OSError as error:
        raise WriteError(f"cannot write {target}: {error.strerror or error}. Choose another --out.") from error
