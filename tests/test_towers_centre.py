"""benchmarks.towers.centre: the table behind `import-dlib --centre`, against plain loops."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.towers.centre import choose, compare, make_parser, read_people
from edge_runtime.commands.console import run_command
from edge_runtime.errors import DataError, UsageError
from edge_runtime.measures.metrics import equal_error_rate, pair_scores
from train.dlib_files.port import mean_descriptor

Said = pytest.CaptureFixture[str]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Descriptors around dlib's mean: 12 people with 2 to 5 pictures, and some pictures of nobody."""
    rng = np.random.default_rng(0)
    names, rows = [], []
    for person in range(12):
        own = mean_descriptor() + rng.normal(0, 0.05, 128)
        for picture in range(2 + person % 4):
            names.append(f"labelled/p{person:02}/{picture}.webp")
            rows.append(own + rng.normal(0, 0.12, 128))
    names += [f"unlabelled/00/{n}.webp" for n in range(5)]
    rows += [mean_descriptor()] * 5
    path = tmp_path / "d.npz"
    np.savez(path, path=np.array(names), descriptor=np.array(rows, dtype=np.float16))
    return path


def test_who_is_read(file: Path, tmp_path: Path) -> None:
    rows, people = read_people(file, within="labelled", without=frozenset({"p00"}), among=None)
    assert rows.shape == (len(people), 128)
    assert set(people) == {f"p{n:02}" for n in range(1, 12)}
    assert set(read_people(file, within="", without=None, among=frozenset({"p03", "00"}))[1]) == {"p03", "00"}
    for within, message in (("label", "within label"), ("other", "within other")):
        with pytest.raises(DataError, match=message):
            read_people(file, within=within, without=None, among=None)
    bad = tmp_path / "bad.npz"
    for data in (b"", b"PK\x03\x04", file.read_bytes()[:3000]):
        bad.write_bytes(data)
        with pytest.raises(DataError, match="cannot read the descriptors"):
            read_people(bad, within="", without=None, among=None)
    np.savez(bad, path=np.array(["a/b"]), descriptor=np.zeros((1, 64), dtype=np.float16))
    with pytest.raises(DataError, match="128"):
        read_people(bad, within="", without=None, among=None)


def test_who_is_drawn(file: Path) -> None:
    people = read_people(file, within="labelled", without=None, among=None)[1]
    chosen = people[choose(people, at_least=4, most=4, seed=1)]
    names, counts = np.unique(chosen, return_counts=True)
    assert len(names) == 4
    assert counts.min() >= 4
    assert list(chosen) == list(people[choose(people, at_least=4, most=4, seed=1)])
    with pytest.raises(UsageError, match="2 to 6"):
        choose(people, at_least=4, most=7, seed=1)


def test_shares_are_those_of_plain_loops(file: Path) -> None:
    rows, people = read_people(file, within="labelled", without=None, among=None)
    labels = np.unique(people, return_inverse=True)[1]
    table = compare(rows, labels, mean_descriptor(), (0.0, 0.5))
    assert [row["by"] for row in table] == ["Euclidean distance", "cosine, share 0", "cosine, share 0.5"]
    for row, share in zip(table[1:], (0.0, 0.5), strict=True):
        plain = equal_error_rate(pair_scores(rows - share * mean_descriptor(), labels))[0]
        assert row["eer"] == pytest.approx(plain, abs=1e-3)
    assert 0 < table[2]["eer"] != table[1]["eer"] > 0


def test_the_command(file: Path, tmp_path: Path, capsys: Said) -> None:
    (tmp_path / "without.txt").write_text("p00\np01\n")
    words = [str(file), "--within", "labelled", "--without", str(tmp_path / "without.txt"), "--share", "1"]
    assert run_command(make_parser(), [*words, "--json"]) == 0
    held = json.loads(capsys.readouterr().out)
    assert held["people"] == 10
    assert len(held["rows"]) == 2
    assert run_command(make_parser(), words) == 0
    assert "cosine, share 1" in capsys.readouterr().out
    for more, message in ((["--share", "2"], "--share"), (["--people", "99"], "--people"), (["--among", "no"], "no")):
        assert run_command(make_parser(), [*words, *more]) == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1
