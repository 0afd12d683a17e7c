"""Inputs that are nearly right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from benchmarks.fuzz.choices import Choices, changed_bytes


@st.composite
def nearly(draw: st.DrawFn, seeds: Sequence[bytes]) -> bytes:
    """One of some inputs with something changed in it, or choices of one's own."""
    seed = draw(st.sampled_from(seeds))
    changes = draw(st.binary(max_size=40))
    way = draw(st.integers(0, 3))
    if way == 0:
        return seed
    return changed_bytes(Choices(changes), seed) if way < 3 else seed[:2] + changes


def described(found: Any) -> str:
    """A finding for the message of a test."""
    return f"{found.kind} at {found.where}: {found.words}"
