"""benchmarks.architectures: the frontier, the candidates, the page, and all of it once on toy pictures."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.architectures import __main__ as command
from benchmarks.architectures.candidates import Candidate, read_candidates
from benchmarks.architectures.frontier import pareto
from benchmarks.architectures.page import make_page
from benchmarks.architectures.people import MOST_OF_ONE, few_each, plan_split, some_people
from edge_runtime.commands.console import run_command
from edge_runtime.errors import DataError, UsageError
from edge_runtime.faces.align import DEFAULT_TEMPLATE
from edge_runtime.images import write_image
from edge_runtime.people import write_faces_mark
from edge_runtime.towers.preprocess import InputSpec
from train.data.faces import load_faces

ROOT = Path(__file__).resolve().parents[1]
TOY = """
[[candidate]]
name = "plain"
size_px = 32
tower = ["tower.name=plain", "tower.width=4", "tower.blocks=[1, 1]"]

[[candidate]]
name = "edges"
size_px = 16
tower = ["tower.name=oriented", "tower.width=4"]
"""


def test_the_frontier_is_what_nothing_beats() -> None:
    points = {"slow": (3.0, 0.1), "good": (2.0, 0.1), "fast": (1.0, 0.3), "bad": (2.0, 0.2)}
    assert pareto(points) == ["fast", "good"]
    assert pareto({"a": (1.0, 1.0), "b": (1.0, 1.0)}) == ["a", "b"]
    assert pareto({}) == []


@settings(deadline=None)
@given(st.dictionaries(st.text(min_size=1), st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1))
def test_everything_off_the_frontier_is_beaten_by_something_on_it(points: dict[str, tuple[float, float]]) -> None:
    front = pareto(points)
    assert front
    for name, (cost, error) in points.items():
        better = [one for one in front if points[one][0] <= cost and points[one][1] <= error]
        assert better
        assert name in front or any(points[one] != (cost, error) for one in better)


def test_the_candidates_of_the_repository_can_be_read() -> None:
    candidates = read_candidates(command.CANDIDATES)
    assert len(candidates) >= 8
    assert {candidate.narrowed for candidate in candidates} == {True, False}
    assert candidates[0].in_words() == "stream 32/64/128/192/192, inner 24/40/56/72/64"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no \\[\\[candidate\\]\\]"),
        ("[[candidate]]\nname = 'a'", "name and size_px"),
        ("[[candidate]]\nname = 'a'\nsize_px = 32", "streams and inner, or tower"),
        ("[[candidate]]\nname = 'A/B'\nsize_px = 32\ntower = ['tower.width=4']", "a-z"),
        ("[[candidate]]\nname = 'a'\nsize_px = '32'\ntower = ['tower.width=4']", "size_px must be int"),
        ("[[candidate]]\nname = 'a'\nsize_px = 32\ntower = ['loss.name=none']", "tower.width=24"),
        ("[[candidate]]\nname = 'a'\nsize_px = 32\nfaces = 'x'\ntower = ['tower.width=4']", "faces must be"),
        (2 * "[[candidate]]\nname = 'a'\nsize_px = 32\ntower = ['tower.width=4']\n", "two candidates"),
        ("[[candidate", "cannot be read"),
    ],
)
def test_what_is_no_list_of_candidates_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "list.toml").write_text(text)
    with pytest.raises(UsageError, match=message):
        read_candidates(tmp_path / "list.toml")


def test_a_candidate_is_one_thing() -> None:
    with pytest.raises(UsageError, match="one of the two"):
        Candidate(name="a", size_px=32, streams=(1,), inner=(1,), tower=("tower.width=4",))
    assert Candidate(name="a", size_px=32, streams=(1,), inner=(1,), inherited=False).narrowed is False


def test_the_page_is_what_the_results_give() -> None:
    text = command.RESULTS.read_text(encoding="utf-8") if command.RESULTS.is_file() else "null"
    assert command.PAGE.read_text(encoding="utf-8") == make_page(json.loads(text))
    assert not any(word in text for word in ("/home", "/root", "/tmp", "/work"))


def test_damaged_results_are_refused_and_none_are_said_to_be_none() -> None:
    with pytest.raises(DataError, match="damaged"):
        make_page({"candidates": [{"name": "a"}]})
    assert "Not measured yet" in make_page(None)


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fifteen people who are smooth patterns, three noisy pictures each."""
    folder, rng = tmp_path_factory.mktemp("architectures") / "faces", np.random.default_rng(0)
    for person in range(15):
        pattern = np.kron(rng.integers(40, 216, (4, 4, 3)), np.ones((8, 8, 1)))
        for picture in range(3):
            noisy = np.clip(pattern + rng.normal(0, 6, pattern.shape), 0, 255)
            write_image(folder / f"p{person}" / f"{picture}.png", noisy.astype(np.uint8))
    template = {"name": DEFAULT_TEMPLATE.name, "points": [list(point) for point in DEFAULT_TEMPLATE.points]}
    write_faces_mark(folder, {"size_px": 32, "template": template, "detector": "none"})
    names = [f"p{person}/{picture}.png" for person in range(15) for picture in range(3)]
    np.savez(folder.parent / "teacher.npz", path=np.array(names), descriptor=rng.normal(size=(45, 16)))
    return folder


def _run(faces: Path, out: Path, *more: str) -> int:
    (out.parent / "toy.toml").write_text(TOY)
    words = [str(faces), "--out", str(out), "--teacher", str(faces.parent / "teacher.npz"), "--minutes", "0.003"]
    words += ["--candidates", str(out.parent / "toy.toml"), "--calibration", "10", "--repeats", "10"]
    words += ["--set", "batch.people=3", "--set", "schedule.steps_per_epoch=2", "--set", "tower.embedding_length=16"]
    for option, name in (("--results", "results.json"), ("--page", "page.md"), ("--plot", "plot.png")):
        words += [option, str(out.parent / name)]
    return run_command(command.make_parser(), [*words, *more])


def test_from_pictures_to_the_page(faces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(faces, tmp_path / "work", "--finished") == 2
    assert "no candidate is trained yet" in capsys.readouterr().err
    assert _run(faces, tmp_path / "work", "--json") == 0
    results: dict[str, Any] = json.loads(capsys.readouterr().out)
    rows = {row["name"]: row for row in results["candidates"]}
    assert list(rows) == ["plain", "edges"]
    for row in rows.values():
        assert row["cpu_seconds"] >= 0.18
        assert row["shown"] == 6 * row["steps"] > 0
        assert 0 <= row["int8"]["eer"] <= 1
        assert row["likeness"]["mean"] > 0.5
        assert row["ms"]["int8"]["median_ms"] > 0
    assert results["reference"]["name"] == "accurate"
    assert "int8" not in results["reference"]
    page = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert page == make_page(results)
    assert "`plain`" in page
    assert "budget is very small" in page
    assert (tmp_path / "plot.png").read_bytes()[:4] == b"\x89PNG"

    trained = (tmp_path / "work/plain/run/tower.keras").stat().st_mtime_ns
    assert _run(faces, tmp_path / "work") == 0
    assert "training for" not in capsys.readouterr().err
    assert (tmp_path / "work/plain/run/tower.keras").stat().st_mtime_ns == trained
    assert _run(faces, tmp_path / "work", "--minutes", "1") == 2
    assert "was begun with --minutes 0.003" in capsys.readouterr().err


def test_words_that_make_no_run_are_refused(faces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(command.make_parser(), [str(faces)]) == 2
    assert "--out FOLDER" in capsys.readouterr().err
    (tmp_path / "narrowed.toml").write_text("[[candidate]]\nname='a'\nsize_px=128\nstreams=[1]\ninner=[1]\n")
    more = ["--candidates", str(tmp_path / "narrowed.toml")]
    assert _run(faces, tmp_path / "work", *more) == 2
    assert "give --wide FILE" in capsys.readouterr().err


def test_of_a_person_with_many_pictures_few_are_measured(faces: Path) -> None:
    held = load_faces(faces, InputSpec(size_px=32, colour="rgb"))
    assert few_each(held).names == held.names
    many = replace(held, labels=np.where(np.arange(45) < 40, 0, held.labels), people=held.people)
    counts = np.bincount(few_each(many).labels)
    assert counts.tolist() == [MOST_OF_ONE, 2, 3]


def test_the_people_who_are_measured_are_trained_on_by_nobody(faces: Path, tmp_path: Path) -> None:
    split = plan_split(faces, None, tmp_path / "split.json")
    assert (len(split.test), split.validation) == (3, ())
    assert not set(split.test) & set(split.train)
    assert some_people(split, 2) < some_people(split, None) == set(split.test)
    assert plan_split(faces, None, tmp_path / "split.json") == split
