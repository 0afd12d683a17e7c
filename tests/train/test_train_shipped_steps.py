"""The steps that make the towers that ship are commands that there are, and begin where they stopped."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

import export.cli
import train.cli
from edge_runtime.towers.shipped import SHIPPED

ROOT = Path(__file__).resolve().parents[2]
STEPS = Path("train/recipes/shipped.mk")


def commands(*words: str) -> list[list[str]]:
    """What would be run, without running it."""
    told = subprocess.run(
        ["make", "-n", "-f", str(STEPS), "REPRESENTATIVE=some", "EVALUATE=others", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
    return [shlex.split(line) for line in told.replace("\\\n", " ").splitlines() if line.startswith("python3 ")]


@pytest.mark.parametrize("source", ["PHOTOGRAPHS=photographs", "PREPARED=prepared"])
def test_every_step_is_a_command_that_there_is(source: str, tmp_path: Path) -> None:
    steps = commands(source, f"WORK={tmp_path}")
    assert len(steps) == 8
    for _, dash, package, *words in steps:
        assert dash == "-m"
        (export.cli if package == "export" else train.cli).make_parser().parse_args(words)
    made = {words[words.index("--name") + 1] for words in steps if "--name" in words}
    assert made >= set(SHIPPED)


def test_what_is_there_is_not_made_again(tmp_path: Path) -> None:
    first = commands("PHOTOGRAPHS=photographs", f"WORK={tmp_path}", "small")
    for name in ("dlib/tower.keras", "faces-chip/faces.json", "faces-close/faces.json", "small-start/tower.keras"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    left = commands("PHOTOGRAPHS=photographs", f"WORK={tmp_path}", "small")
    assert [words[3] for words in left] == ["fit", "fit", "adopt"]
    assert left == first[-3:]
