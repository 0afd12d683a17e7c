"""The trials of ``python -m benchmarks.gallery``, small enough for every run of the tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.gallery.cost import cost
from benchmarks.gallery.disk import full_disk
from benchmarks.gallery.kills import kills
from benchmarks.gallery.million import million
from benchmarks.gallery.readers import readers
from benchmarks.gallery.samples import looks, strangers, strangers_alike
from edge_runtime.errors import MissingDependency, UsageError
from edge_runtime.gallery.nearest import NearestTemplates


def test_killed_enrolments_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    found = kills(tmp_path, count=40)
    assert found["killed"] == found["opened"] == 40
    assert (found["lost"], found["left"]) == (0, 0)
    assert found["acknowledged"] > 0


def test_a_full_disk_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    found = full_disk(tmp_path / "disk", rounds=3)
    assert found["rounds"] == found["refused"] == found["opened"] == 3
    assert (found["lost"], found["half"]) == (0, 0)
    assert found["acknowledged"] > 0


def test_readers_and_a_writer_do_not_disturb_each_other(tmp_path: Path) -> None:
    found = readers(tmp_path, count=10, seconds=3)
    assert (found["errors"], found["stale"], found["wrong"]) == (0, 0, 0)
    assert found["commits"] > 0
    assert found["reads"] >= 10


def test_protection_changes_no_decision() -> None:
    for row in cost(comparisons=20_000, lengths=(128,)):
        assert row["largest_difference"] < 1e-5
        assert row["decisions_that_differ"] == 0


def test_other_looks_are_as_alike_as_they_are_made() -> None:
    rows = strangers(50, 128)
    alike = np.linspace(0.1, 0.9, 50, dtype=np.float32)
    np.testing.assert_allclose(np.sum(rows * looks(rows, similarity=alike, seed=1), axis=1), alike, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(strangers_alike(50, 128), axis=1), 1, atol=1e-5)


def test_many_people_are_enrolled_and_found(tmp_path: Path) -> None:
    table = {row["step"]: row for row in million(tmp_path, count=3000, probes=100, connections=(8, 16), efforts=(256,))}
    assert table["exact 1:N"]["recall"] == 1
    for step, row in table.items():
        assert "16 connections, effort" not in step or row["recall"] >= 0.999


def test_without_usearch_the_pip_command_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "usearch.index", None)
    with pytest.raises(MissingDependency, match=r"siamlite\[fast-search\]"):
        NearestTemplates(strangers(5, 8))
    with pytest.raises(UsageError, match="at least one"):
        NearestTemplates(strangers(0, 8))


def test_the_index_finds_every_row_with_its_exact_cosine() -> None:
    pytest.importorskip("usearch")
    rows = strangers_alike(4000, 64)
    index = NearestTemplates(rows)
    for number in range(0, 4000, 7):
        found, cosines = index.nearest(rows[number], 3)
        assert found[0] == number
        np.testing.assert_allclose(cosines, rows[found] @ rows[number], atol=1e-6)
        assert np.all(np.diff(cosines) <= 0)
    index.set_effort(1)
    assert index.memory_bytes > 0
    with pytest.raises(UsageError, match="at least 1"):
        index.set_effort(0)
