"""Text that a stranger wrote, made safe to show: on a terminal, in a table, in a page."""

from __future__ import annotations

import unicodedata


def printable(text: str) -> str:
    """Text on one line, without characters that could move a cursor, hide words or turn their order.

    Control, format, surrogate, private and unassigned characters become ``?``; line ends and tabs become spaces.
    """
    plain = (" " if character in "\n\r\t\v\f\x85\u2028\u2029" else character for character in text)
    return "".join("?" if unicodedata.category(character).startswith("C") else character for character in plain)
