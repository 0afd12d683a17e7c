"""The parts of benchmarks.seeds that train faces, on tiny synthetic people."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest
from train_helpers import TINY, write_people

from benchmarks.seeds import att, faces, losses
from benchmarks.seeds.record import read_result
from benchmarks.seeds.setups import SETUPS, Setup
from benchmarks.seeds.tables import att_table, losses_table
from train.recipe import load_config
from train.towers.build import build_tower


@pytest.fixture(scope="module")
def strangers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen synthetic people with six prepared faces each: enough pairs for the gate of the export."""
    return write_people(tmp_path_factory.mktemp("seeds") / "faces", people=16, pictures=6)


@pytest.fixture
def arguments(tmp_path: Path, strangers: Path, monkeypatch: pytest.MonkeyPatch) -> argparse.Namespace:
    """What the command line gives; the AT&T faces are replaced by synthetic people."""
    for part in (att, losses):
        monkeypatch.setattr(part, "prepared_att", lambda work, **_: strangers)
    recipe = tmp_path / "tiny.toml"
    recipe.write_text(
        '[input]\nsize_px = 16\ncolour = "grey"\n[tower]\nwidth = 4\nblocks = [1]\nembedding_length = 8\n'
    )
    return argparse.Namespace(
        work=tmp_path / "work",
        results=tmp_path / "results",
        wheels=None,
        force=False,
        recipe=[str(recipe)],
        seeds=[0, 3],
    )


def test_att_is_trained_converted_and_measured(
    arguments: argparse.Namespace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    short = [word for word in TINY if word.startswith(("batch", "schedule"))]
    monkeypatch.setattr(att, "_SPLIT", (*att._SPLIT, *short, "schedule.epochs=2", "schedule.steps_per_epoch=20"))
    assert att.main(arguments) == 0
    result = read_result(arguments.results, "att")
    assert result["rows"][0]["recipe"] == "tiny"
    assert [run["seed"] for run in result["rows"][0]["runs"]] == [0, 3]
    for run in result["rows"][0]["runs"]:
        assert (run["float"]["people"], run["float"]["impostor_pairs"]) == (4, 216)
        assert run["int8"]["impostor_pairs"] == 216
        assert abs(run["int8"]["eer"] - run["float"]["eer"]) < 0.1
        assert run["int8_bytes"] > 1000
    assert att_table(result).splitlines()[-1].startswith("| **`tiny`** | mean |")
    assert capsys.readouterr().out.count("int8_bytes") == 2


def test_losses_are_trained_and_measured(arguments: argparse.Namespace, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = (*TINY, "schedule.warmup_epochs=0", "schedule.epochs=1")

    def shortened(self: Setup, seed: int, teacher: Path | None = None) -> Any:
        taught = [f'teacher.path="{teacher}"'] if self.teacher else []
        return load_config(str(losses.RECIPE), [*self.settings, *tiny, *taught], seed=seed)

    chosen = [setup for setup in SETUPS if setup.name in ("pair-bce-hard-pairs", "arcface-sampled", "teacher")]
    monkeypatch.setattr(Setup, "config", shortened)
    monkeypatch.setattr(losses, "SETUPS", chosen)
    arguments.seeds = [1]
    assert losses.main(arguments) == 0
    result = read_result(arguments.results, "losses")
    assert [row["name"] for row in result["rows"]] == ["the teacher", *(setup.name for setup in chosen)]
    assert all(0 <= row["runs"][0]["eer"] <= 1 for row in result["rows"])
    assert len(losses_table(result).splitlines()) == 6


def test_the_teacher_is_larger_than_its_pupils() -> None:
    teacher, pupil = (setup.config(0, Path("t")) for setup in (losses._TEACHER, SETUPS[0]))
    sizes = [build_tower(config.input, config.tower).count_params() for config in (teacher, pupil)]
    assert sizes[0] > 3 * sizes[1]


def test_the_real_faces_are_prepared_once(att_faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faces, "extract_att", lambda folder, **_: att_faces)
    folder = faces.prepared_att(tmp_path, size_px=32)
    stamp = (folder / "faces.json").stat().st_mtime_ns
    assert len(list(folder.glob("s*/*.png"))) > 380
    assert faces.prepared_att(tmp_path, size_px=32) == folder
    assert (folder / "faces.json").stat().st_mtime_ns == stamp
