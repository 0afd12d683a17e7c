"""A probe against the templates of a gallery: 1 to a million of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from benchmarks.suite.machine import free_bytes
from benchmarks.suite.rounds import Timed
from edge_runtime.gallery.match import Enrolled, person_similarities

# How often a row comes again does not matter to what is computed of it, and drawing a million takes a while.
_LENGTH, _EACH, _DRAWN = 128, 5, 10_000
TEMPLATES = (1, 100, 10_000, 1_000_000)


def gallery_of(templates: int) -> Enrolled:
    """Random people with five templates each, or one with one."""
    drawn = np.random.default_rng(0).standard_normal((min(templates, _DRAWN), _LENGTH), dtype=np.float32)
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    rows = np.tile(drawn, (templates // len(drawn), 1))
    each = min(_EACH, templates)
    people = templates // each
    return Enrolled(
        names=tuple(f"person {number}" for number in range(people)),
        matrix=rows,
        starts=np.arange(0, templates, each, dtype=np.intp),
        counts=np.full(people, each, dtype=np.float32),
    )


@pytest.mark.parametrize("templates", TEMPLATES)
def test_match(timed: Timed, templates: int) -> None:
    """Mean cosines to every person, exact."""
    needed, free = 2 * 4 * _LENGTH * templates, free_bytes()
    if free is not None and free < needed:
        pytest.skip(f"{templates:,} templates need {needed / 1e9:.1f} GB of memory, {free / 1e9:.1f} GB are free")
    enrolled = gallery_of(templates)
    probe = enrolled.matrix[0].copy()

    def run() -> npt.NDArray[np.float32]:
        return person_similarities(probe, enrolled)

    what = f"an embedding against {templates:,} template{'s' if templates > 1 else ''} of {_LENGTH} values"
    assert timed(run, what=what).shape == (len(enrolled.names),)
