"""How dlib writes numbers, texts and tensors into a file (dlib's ``serialize.h``, ``float_details.h``, ``tensor.h``).

Everything is read with bounds: a file that is cut short, damaged or no file of dlib's is refused, whatever is in it.
"""

from __future__ import annotations

import math
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import DataError

# Bits of an integer's first byte: how many bytes follow, and the sign. The others are 0.
_LENGTH, _SIGN, _RESERVED = 0x0F, 0x80, 0x70
_INTEGER_BYTES = 8
# From here on dlib's exponents stand for infinities and for "no number".
_NO_NUMBER = 32000
_TENSOR_VERSION, _ALIAS_VERSION = 2, 1

Shape = tuple[int, int, int, int]


class DlibStream:
    """A place in the bytes of a file that dlib wrote; each method reads one value and goes on behind it.

    Every method raises :class:`~edge_runtime.errors.DataError` where the bytes end early or are something else.

    Attributes:
        name: What messages call the file.
        place: Offset of the next byte.
    """

    def __init__(self, data: bytes, *, name: str) -> None:
        self._data = data
        self.name = name
        self.place = 0

    def refuse(self, what: str) -> NoReturn:
        """Refuse the file.

        Args:
            what: What was found or is missing, without a full stop.

        Raises:
            DataError: Always.
        """
        raise DataError(
            f"{self.name} is damaged, cut short or not the kind of dlib file that is needed: {what} "
            f"(byte {self.place} of {len(self._data)}). Get the file again."
        )

    def take(self, count: int) -> bytes:
        """The next ``count`` bytes as they are."""
        end = self.place + count
        if not 0 <= count <= len(self._data) - self.place:
            self.refuse("it ends too early")
        taken, self.place = self._data[self.place : end], end
        return taken

    def integer(self, least: int = -(1 << 63), most: int = (1 << 63) - 1) -> int:
        """An integer: one byte with sign and length, then so many bytes, the lowest first.

        Args:
            least: The smallest value that makes sense here.
            most: The largest one.
        """
        head = self.take(1)[0]
        length = head & _LENGTH
        if head & _RESERVED or not 1 <= length <= _INTEGER_BYTES:
            self.refuse("no integer where one must be")
        value = int.from_bytes(self.take(length), "little")
        value = -value if head & _SIGN else value
        if not least <= value <= most:
            self.refuse(f"the number {value} where {least} to {most} are possible")
        return value

    def number(self) -> float:
        """A finite floating-point number: integers for its mantissa and its power of two."""
        mantissa = self.integer()
        exponent = self.integer(-(1 << 15), _NO_NUMBER + 2)
        if exponent >= _NO_NUMBER:
            self.refuse("a number that is not finite")
        try:
            return math.ldexp(mantissa, exponent)
        except OverflowError:
            self.refuse("a number that is not finite")

    def boolean(self) -> bool:
        """True or false: the letter 1 or 0."""
        letter = self.take(1)
        if letter not in (b"0", b"1"):
            self.refuse("neither true nor false where one must be")
        return letter == b"1"

    def text(self, most: int = 256) -> str:
        """A text of at most ``most`` ASCII letters."""
        try:
            return self.take(self.integer(0, most)).decode("ascii")
        except UnicodeDecodeError:
            self.refuse("a text that is not ASCII")

    def version(self, *known: str | int) -> str | int:
        """The version that an object begins with, a text or a number, which must be one of ``known``."""
        found = self.text() if isinstance(known[0], str) else self.integer()
        if found not in known:
            self.refuse(f"{found!r} where {' or '.join(map(repr, known))} is known")
        return found

    def count(self, most: int) -> int:
        """How many items a vector has, at most ``most``; the items follow."""
        return self.integer(0, most)

    def matrix(self, most: int) -> npt.NDArray[np.float64]:
        """A matrix of at most ``most`` numbers, each written as :meth:`number`; float64 of shape (rows, columns)."""
        rows, columns = (abs(self.integer(-most, most)) for _ in range(2))
        if rows * columns > most:
            self.refuse(f"a matrix of {rows}×{columns}")
        values = [self.number() for _ in range(rows * columns)]
        return np.array(values, dtype=np.float64).reshape(rows, columns)

    def tensor(self) -> npt.NDArray[np.float32]:
        """A tensor of finite float32 values, written raw; shape (samples, channels, rows, columns)."""
        shape = self._shape(_TENSOR_VERSION)
        values = np.frombuffer(self.take(4 * math.prod(shape)), dtype="<f4").astype(np.float32)
        if not np.isfinite(values).all():
            self.refuse("weights that are not finite")
        return values.reshape(shape)

    def alias(self) -> Shape:
        """The shape of a part of another tensor."""
        return self._shape(_ALIAS_VERSION)

    def end(self) -> None:
        """Refuse anything that follows."""
        if self.place != len(self._data):
            self.refuse("more follows where it must end")

    def _shape(self, version: int) -> Shape:
        self.version(version)
        samples, channels, rows, columns = (self.integer(0, len(self._data)) for _ in range(4))
        return samples, channels, rows, columns
