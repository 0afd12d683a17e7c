"""The arrays in a shared library by their names: enough of ELF (System V ABI) for a pinned file that is not run."""

from __future__ import annotations

import struct

from edge_runtime.errors import DataError

_DYNAMIC_SYMBOLS, _OBJECT = 11, 1


def library_objects(data: bytes) -> dict[str, bytes]:
    """The content of every named object of a 64-bit little-endian library.

    Raises:
        DataError: It is no such library.
    """
    if data[:6] != b"\x7fELF\x02\x01":
        raise DataError("this is no 64-bit little-endian ELF file.")
    try:
        return _objects(data)
    except (struct.error, StopIteration, IndexError, ValueError) as error:
        raise DataError(f"this ELF file is damaged ({error}).") from error


def _objects(data: bytes) -> dict[str, bytes]:
    (table,), (entry, count) = struct.unpack_from("<Q", data, 0x28), struct.unpack_from("<HH", data, 0x3A)
    sections = [struct.unpack_from("<IIQQQQIIQQ", data, table + at * entry) for at in range(count)]
    symbols = next(section for section in sections if section[1] == _DYNAMIC_SYMBOLS)
    names = sections[symbols[6]][4]
    found = {}
    for at in range(symbols[4], symbols[4] + symbols[5], 24):
        name, info, _, section, address, size = struct.unpack_from("<IBBHQQ", data, at)
        if info & 15 == _OBJECT and 0 < section < count:
            begin, (_, _, _, base, offset, *_) = names + name, sections[section]
            text = data[begin : data.index(b"\0", begin)].decode()
            found[text] = data[address - base + offset :][:size]
    return found
