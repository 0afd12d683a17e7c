"""What an archive may ask of this machine: bounds on every read, so that a bomb ends in one line."""

from __future__ import annotations

from pathlib import Path
from typing import IO

from edge_runtime.errors import DataError

MAX_PICTURE_BYTES = 64 << 20
MAX_MARK_BYTES = 1 << 20
_MAX_RATIO = 100
_ALWAYS_ALLOWED_BYTES = 1 << 30


def unpacked_limit(path: Path) -> int:
    """Bytes that an archive may unpack to: 100 times its own size, 1 GiB at least."""
    return max(_ALWAYS_ALLOWED_BYTES, _MAX_RATIO * path.stat().st_size)


def refuse_bomb(path: Path) -> DataError:
    """The error for an archive that would unpack to too much."""
    return DataError(
        f"{path} is refused: it unpacks to more than {unpacked_limit(path) >> 20} MiB, which is more than "
        f"{_MAX_RATIO} times its size. Unpack it yourself if you trust it, and give the folder."
    )


def refuse_large(path: Path, name: str) -> DataError:
    """The error for a picture file that is too large."""
    return DataError(f"{path} is refused: {name} is larger than {MAX_PICTURE_BYTES >> 20} MiB, the most for a picture.")


class BoundedStream:
    """An unpacked stream that refuses to be read beyond a position, or in one piece of more than a picture's size."""

    def __init__(self, stream: IO[bytes], path: Path) -> None:
        """Bound a stream by the size of the archive that it comes from."""
        self._stream = stream
        self._path = path
        self._limit = unpacked_limit(path)

    def read(self, size: int = -1) -> bytes:
        """Read some bytes.

        Raises:
            DataError: They are too many, or lie too far.
        """
        if not 0 <= size <= MAX_PICTURE_BYTES or self._stream.tell() + size > self._limit + MAX_PICTURE_BYTES:
            raise refuse_bomb(self._path)
        return self._stream.read(size)

    def seek(self, position: int, whence: int = 0) -> int:
        """Go to a position.

        Raises:
            DataError: It lies too far.
        """
        if whence != 0 or position > self._limit:
            raise refuse_bomb(self._path)
        return self._stream.seek(position)

    def tell(self) -> int:
        """The position."""
        return self._stream.tell()

    def close(self) -> None:
        """Close the stream."""
        self._stream.close()
