"""docs/seeds.md is what the recorded results give; the parts run on tiny data."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.seeds import __main__ as command
from benchmarks.seeds.page import make_page
from benchmarks.seeds.record import command_of, machine, read_result, write_result
from benchmarks.seeds.setups import RECIPE, SETUPS
from benchmarks.seeds.tables import att_table, fashion_table, losses_table, markdown
from benchmarks.seeds.training import train
from edge_runtime.errors import DataError
from train.batches.sampler import draw_rows
from train.config.pictures import SAMPLERS
from train.losses.build import LOSSES, build_objective
from train.recipe import load_config

ROOT = Path(__file__).resolve().parents[1]


def test_the_page_is_what_the_results_give() -> None:
    assert (ROOT / "docs/seeds.md").read_text(encoding="utf-8") == make_page(command.RESULTS)


def test_the_results_name_no_place_on_a_machine() -> None:
    for path in command.RESULTS.glob("*.json"):
        text = path.read_text(encoding="utf-8")
        assert not any(word in text for word in ("/home", "/root", "/tmp", "/work")), path
        assert json.loads(text)["command"].startswith("python -m benchmarks.seeds ")


def test_every_recorded_command_can_be_given(capsys: pytest.CaptureFixture[str]) -> None:
    for path in command.RESULTS.glob("*.json"):
        words = json.loads(path.read_text(encoding="utf-8"))["command"].split()[3:]
        assert callable(command.make_parser().parse_args(words).run)
    with pytest.raises(SystemExit, match="0"):
        command.make_parser().parse_args(["--help"])
    shown = capsys.readouterr().out
    assert all(part in shown for part in ("fashion", "losses", "att", "page"))


def test_every_loss_and_every_sampler_is_compared() -> None:
    configs = [setup.config(0, Path("teacher")) for setup in SETUPS]
    assert {config.loss.name for config in configs} == set(LOSSES)
    assert {config.batch.sampler for config in configs} == set(SAMPLERS) - {"uniform"}
    shown = {c.batch.people * c.batch.pictures * c.schedule.steps_per_epoch * c.schedule.epochs for c in configs}
    assert len(shown) == 1
    assert len({config.tower for config in configs}) == 1
    for config in configs:
        build_objective(config, classes=30)


def test_the_tutorials_recipe_is_the_tutorials() -> None:
    from train.batches.people import people_rows
    from train.towers.build import build_tower

    config = load_config("fashion-tutorial")
    tower = build_tower(config.input, config.tower)
    # By hand: two convolutions of 2×2 with 64 channels, and the dense layer.
    assert tower.count_params() == (4 * 64 + 64) + (4 * 64 * 64 + 64) + (64 * 48 + 48)
    rows = draw_rows(people_rows(np.arange(20) % 10), config.batch, np.random.default_rng(0))
    assert rows.size * config.schedule.steps_per_epoch == 240_000


def test_the_kits_recipe_keeps_to_the_tutorials_loss_and_sees_no_more_pictures() -> None:
    tutorial, ours = load_config("fashion-tutorial"), load_config("fashion")
    assert tutorial.loss == ours.loss
    assert ours.tower.embedding_length == tutorial.tower.embedding_length
    assert ours.schedule.watch == tutorial.schedule.watch == "last"
    assert ours.schedule.epochs <= 10
    assert ours.batch.people * ours.batch.pictures * ours.schedule.steps_per_epoch <= 240_000


def test_results_are_written_and_read(tmp_path: Path) -> None:
    path = write_result(tmp_path, "att", {"runs": [{"eer": 0.123456789}], "seeds": [0]}, command="python -m x")
    held = read_result(tmp_path, "att")
    assert path.name == "att.json"
    assert held["runs"] == [{"eer": 0.12346}]
    assert held["machine"] == machine()
    assert set(held["versions"]) == {"tensorflow", "keras", "numpy"}
    with pytest.raises(DataError, match=r"benchmarks\.seeds losses"):
        read_result(tmp_path, "losses")


def test_a_command_is_written_as_it_would_be_typed() -> None:
    arguments = argparse.Namespace(seeds=[0, 1], recipe=["att"], work="/x")
    assert command_of("att", arguments, "recipe", "seeds") == "python -m benchmarks.seeds att --recipe att --seeds 0 1"


def test_a_table_has_a_rule_under_its_head() -> None:
    assert markdown([["a", "b"], ["1", "2"]]) == "| a | b |\n| --- | ---: |\n| 1 | 2 |"


def _run(eer: float) -> dict[str, Any]:
    return {"eer": eer, "auc": 0.9, "seconds": 10.2, "cpu_seconds": 2000.0}


def test_losses_are_ordered_by_their_mean_error() -> None:
    rows = [
        {"name": name, "loss": loss, "settings": settings, "sampler": "pk", "teacher": taught, "runs": runs}
        for name, loss, settings, taught, runs in (
            ("the teacher", "triplet", {}, False, [_run(0.01), _run(0.01)]),
            ("poor", "arcface", {"scale": 24.0, "sampled_classes": 0}, False, [_run(0.1), _run(0.3)]),
            ("good", "none", {}, True, [_run(0.05), _run(0.15)]),
        )
    ]
    lines = losses_table({"seeds": [0, 7], "rows": rows}).splitlines()
    assert lines[0].startswith("| loss | sampler | EER, mean | EER, seed 0 | EER, seed 7 |")
    assert lines[2] == "| the teacher alone | `pk` | 10.0 % | 5.0 % | 15.0 % | 0.900 | 10 | 2,000 |"
    assert lines[3].startswith("| `arcface` (scale 24.0) | `pk` | 20.0 %")
    assert lines[4].startswith("| *the teacher: a larger tower*")


def test_a_tower_that_the_gate_refused_is_shown_as_such() -> None:
    run = {"seed": 0, "seconds": 3.0, "cpu_seconds": 4.0, "float": {"eer": 0.1}, "int8": {"eer": 0.2}}
    runs = [run, {**run, "seed": 1, "float": {"eer": 0.3}, "int8": None}]
    lines = att_table({"rows": [{"recipe": "att", "runs": runs}, {"recipe": "own", "runs": [run]}]}).splitlines()
    assert lines[3] == "| `att` | 1 | 30.0 % | refused | 3 | 4 |"
    assert lines[4] == "| **`att`** | mean | 20.0 % | 20.0 % | 3 | 4 |"
    assert lines[6] == "| **`own`** | mean | 10.0 % | 20.0 % | 3 | 4 |"


def test_fashion_stands_beside_what_was_published() -> None:
    row = {
        "recipe": "fashion", "epochs": 8, "steps_per_epoch": 230, "batch_pictures": 260, "pictures": 478400,
        "validation_loss": 0.0612, "training_loss": 0.05, "one_shot": 0.9, "one_example": 0.91, "class_mean": 0.93,
        "one_example_deviation": 0.01, "seconds": 400.0, "cpu_seconds": 700.0, "parameters": 100000, "macs": 13_700_000,
        "judged": {"accuracy": 0.92, "precision": 0.93, "recall": 0.91},
    }  # fmt: skip
    text = fashion_table({"rows": [row, {**row, "recipe": "fashion-tutorial", "validation_loss": 0.17}]})
    assert text.splitlines()[0] == "|  | tutorial, as published | `fashion-tutorial`, 8 epochs | `fashion`, 8 epochs |"
    assert "| **validation contrastive loss** | **0.1446** | **0.1700** | **0.0612** |" in text


def test_a_training_is_not_done_twice(tmp_path: Path, tiny_fashion: Path) -> None:
    from benchmarks.seeds.fashion import measure_run

    tiny = ["tower.width=4", "tower.blocks=[1]", "schedule.epochs=1", "schedule.steps_per_epoch=2", "batch.pictures=2"]
    config = load_config("fashion", [*tiny, "schedule.warmup_epochs=0"])
    trained = train(tiny_fashion, tmp_path / "run", config)
    written = (tmp_path / "run/tower.keras").stat().st_mtime_ns
    assert trained.pictures == 10 * 2 * 2
    assert trained.cpu_seconds > 0
    assert train(tiny_fashion, tmp_path / "run", config) == trained
    assert (tmp_path / "run/tower.keras").stat().st_mtime_ns == written
    measured = measure_run(trained.run, tiny_fashion)
    assert measured["training_pairs"] == 80
    assert measured["validation_pairs"] == 40
    assert measured["validation_loss"] > 0


@pytest.fixture
def tiny_fashion(tmp_path: Path) -> Path:
    """IDX files of 40 training and 20 test pictures of ten classes."""
    import struct

    rng = np.random.default_rng(0)
    for stem, count in (("train", 40), ("t10k", 20)):
        pixels = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        labels = np.arange(count, dtype=np.uint8) % 10
        folder = tmp_path / "idx"
        folder.mkdir(exist_ok=True)
        head = struct.pack(">4I", 2051, count, 28, 28)
        (folder / f"{stem}-images-idx3-ubyte").write_bytes(head + pixels.tobytes())
        (folder / f"{stem}-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 2049, count) + labels.tobytes())
    return tmp_path / "idx"


def test_the_recipe_of_the_comparison_can_be_read() -> None:
    config = load_config(str(RECIPE))
    assert config.split.validation == 0
    assert config.split.test == 0.25
