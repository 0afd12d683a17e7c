"""Bytes read as choices: which part of something structured is changed, and into what."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TypeVar

T = TypeVar("T")

# What a careful program never writes into JSON, TOML or a table, and a hostile one does.
HOSTILE: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63), 10**30, 10**400, 0.0, -0.0, 1e-320, 0.5, 1e308, -1e308,
    float("nan"), float("inf"), float("-inf"), "",
    " ", "x", "0", "nan", "\0", "\n", "a\x1b[2Jb", "\u202eabc", "\ud800",
    "é" * 40, "x" * 70_000, "../../etc/passwd", "%s%n", [], {}, [[]], [None], {"": None}, [0] * 1000, ["x", 1, None],
)  # fmt: skip


class Choices:
    """A string of bytes that decides, one after the other; used up, it decides for the first of everything."""

    def __init__(self, data: bytes) -> None:
        """Begin with the first byte."""
        self._data, self._at = data, 0

    def number(self, limit: int) -> int:
        """A number from 0 to below a limit."""
        size = max(1, (limit - 1).bit_length() + 7 >> 3)
        return int.from_bytes(self.take(size), "little") % max(1, limit)

    def pick(self, among: Sequence[T]) -> T:
        """One of several."""
        return among[self.number(len(among))]

    def take(self, count: int) -> bytes:
        """The next bytes; fewer at the end."""
        found = self._data[self._at : self._at + count]
        self._at += count
        return found

    def rest(self) -> bytes:
        """All that are left."""
        return self.take(len(self._data))

    @property
    def left(self) -> int:
        """How many are left."""
        return max(0, len(self._data) - self._at)


def changed_bytes(choices: Choices, data: bytes) -> bytes:
    """Some bytes, cut, flipped, written over, doubled, or with a field that lies."""
    out = bytearray(data)
    for _ in range(1 + choices.number(4)):
        at = choices.number(len(out) + 1)
        match choices.number(7):
            case 0:
                del out[at:]
            case 1 if at < len(out):
                out[at] ^= 1 << choices.number(8)
            case 2:
                out[at : at + choices.number(9)] = choices.take(choices.number(9))
            case 3:
                out[at:at] = out[at : at + choices.number(64)]
            case 4:
                value = choices.pick((0, 1, 0x7F, 0x80, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**63, 2**64 - 1))
                size = choices.pick((1, 2, 4, 8))
                out[at : at + size] = (value % 256**size).to_bytes(size, choices.pick(("little", "big")))
            case 5:
                del out[at : at + choices.number(64)]
            case _:
                out[at:at] = choices.take(choices.number(64))
    return bytes(out)


def changed_values(choices: Choices, values: Any) -> Any:
    """Nested values in which some were exchanged for hostile ones, taken out, renamed or nested deeply."""
    values = json.loads(json.dumps(values))
    for _ in range(1 + choices.number(3)):
        holder, key = _place(choices, values)
        if holder is None:
            return choices.pick(HOSTILE)
        match choices.number(6):
            case 0:
                del holder[key]
            case 1 if isinstance(holder, dict):
                holder[choices.pick(("", "x", "__class__", "\n", str(key).upper()))] = holder.pop(key)
            case 2:
                holder[key] = nested(choices.pick((10, 40, 900, 5000)))
            case 3:
                holder[key] = [holder[key]] * choices.pick((1, 2, 1000))
            case _:
                holder[key] = choices.pick(HOSTILE)
    return values


def nested(depth: int) -> Any:
    """A list in a list in a list."""
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def hostile_json(choices: Choices, values: Any) -> bytes:
    """JSON of changed values, at times changed once more as text, with a key twice, or in another encoding."""
    changed = changed_values(choices, values)
    text = _dumped(changed)
    match choices.number(8):
        case 0 if isinstance(changed, dict) and changed:
            name = json.dumps(choices.pick(sorted(map(str, changed))))
            text = f"{text[:-1]}, {name}: {_dumped(choices.pick(HOSTILE))}}}"
        case 1:
            return text.encode(choices.pick(("utf-16", "utf-8-sig", "latin-1", "utf-32")), "replace")
        case 2:
            return changed_bytes(choices, text.encode("utf-8", "surrogatepass"))
    return text.encode("utf-8", "surrogatepass" if choices.number(2) else "backslashreplace")


def _dumped(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except (RecursionError, ValueError):
        # Deeper than Python can write, or a number that it does not print: by hand.
        return "[" * 100_000 + "]" * 100_000


def _place(choices: Choices, values: Any) -> tuple[Any, Any]:
    """Somewhere in nested values: what holds it, and its key."""
    holder, key = None, None
    here = values
    for _ in range(6):
        keys: list[Any] = (
            list(here) if isinstance(here, dict) else list(range(len(here)))[:50] if isinstance(here, list) else []
        )
        if not keys or (holder is not None and choices.number(3) == 0):
            break
        holder, key = here, choices.pick(keys)
        here = holder[key]
    return holder, key
