from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_runtime.images import write_image
from edge_runtime.towers.bundle import read_bundle
from edge_runtime.towers.tower import Tower
from export.cli import main
from export.quiet import import_tensorflow, quiet_tensorflow

MakeRun = Callable[..., Path]
CopyPeople = Callable[..., Path]
ROOT = Path(__file__).resolve().parents[2]


def _convert(run: Path, representative: Path, out: Path, *more: str) -> int:
    return main(["convert", str(run), "--representative", str(representative), "--out", str(out), *more])


def _error_line(capsys: pytest.CaptureFixture[str]) -> str:
    """The one error line; there must be no other, and no traceback."""
    said = capsys.readouterr().err
    errors = [line for line in said.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert "Traceback" not in said
    return errors[0]


@pytest.mark.parametrize("recipe", ["int8", "float32"])
def test_a_tower_is_converted_proven_and_written(
    make_run: MakeRun, faces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], recipe: str
) -> None:
    out = tmp_path / "tower.tflite"
    assert _convert(make_run(), faces, out, "--recipe", recipe, "--name", "Ada", "--licence", "CC0-1.0") == 0
    said = capsys.readouterr().out
    assert "gate: passed" in said
    assert f"wrote {out} ({out.stat().st_size / 1024:.0f} KiB)" in said
    assert said.splitlines()[-1] == f"next: siamlite enroll NAME --tower {out} --source 0"
    tower = Tower.load(out)
    assert (tower.card.name, tower.card.licence, tower.card.recipe) == ("Ada", "CC0-1.0", recipe)
    assert tower.interpreter.inputs[0].dtype == recipe
    assert tower.card.default_fmr == 0.01
    assert tower.calibrated


def test_json_is_all_of_stdout_and_two_exports_are_the_same_bytes(
    make_run: MakeRun, faces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, first, second = make_run(), tmp_path / "first.tflite", tmp_path / "second.tflite"
    assert _convert(run, faces, first, "--json") == 0
    values = json.loads(capsys.readouterr().out)
    assert values["gate"]["passed"] is True
    assert values["bytes"] == first.stat().st_size
    assert values["fingerprint"] == Tower.load(first).fingerprint
    assert [point["target_fmr"] for point in values["thresholds"]] == [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1]
    assert _convert(run, faces, second) == 0
    assert first.read_bytes() == second.read_bytes()


def test_other_people_can_be_evaluated_on(
    make_run: MakeRun, faces: Path, att_faces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    others = tmp_path / "others"
    others.mkdir()
    for person in ("s31", "s32", "s33", "s34"):
        (others / person).symlink_to(att_faces / person)
    out = tmp_path / "tower.tflite"
    code = _convert(make_run(), faces, out, "--evaluate", str(others), "--json")
    gate = json.loads(capsys.readouterr().out)["gate"]
    assert gate["people"] == 4
    assert code == (0 if gate["passed"] else 1)
    assert out.exists() == gate["passed"]


def _with_an_outlier_channel(model: Any) -> Any:
    """The same function, but one channel is so large that int8 has no steps left for the others."""
    _, keras = import_tensorflow()
    with quiet_tensorflow():
        copy = keras.models.clone_model(model)
        copy.set_weights(model.get_weights())
        norm = [layer for layer in copy.layers if layer.__class__.__name__ == "BatchNormalization"][-1]
        gamma, beta, mean, variance = norm.get_weights()
        gamma[0], beta[0] = gamma[0] * 60, beta[0] * 60 + 60
        norm.set_weights([gamma, beta, mean, variance])
        dense = copy.layers[-1]
        kernel, bias = dense.get_weights()
        kernel[0] /= 60
        dense.set_weights([kernel, bias])
    return copy


def test_the_gate_stops_a_tower_that_int8_ruins_but_not_its_float_file(
    make_run: MakeRun, faces: Path, tower_model: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, out = make_run(tower=_with_an_outlier_channel(tower_model)), tmp_path / "tower.tflite"
    assert _convert(run, faces, out) == 1
    captured = capsys.readouterr()
    assert "gate: failed" in captured.out
    assert "mean cosine" in captured.err.splitlines()[-1]
    assert "Nothing was written" in captured.err.splitlines()[-1]
    assert not out.exists()
    assert _convert(run, faces, out, "--recipe", "float32") == 0
    assert Tower.load(out).card.recipe == "float32"


def test_the_gate_stops_a_conversion_calibrated_on_black_pictures(
    make_run: MakeRun, faces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    black, out = tmp_path / "black", tmp_path / "tower.tflite"
    generator = np.random.default_rng(0)
    for number in range(20):
        picture = generator.integers(0, 3, (48, 48, 3), dtype=np.uint8)
        write_image(black / f"b{number % 2}" / f"{number}.png", picture)
    (black / "faces.json").write_text((faces / "faces.json").read_text())
    out.write_bytes(b"the old one")
    assert _convert(make_run(), black, out, "--force", "--json") == 1
    captured = capsys.readouterr()
    assert json.loads(captured.out)["gate"]["passed"] is False
    assert out.read_bytes() == b"the old one"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["black", "run", "tower.tflite"]


def test_the_gate_stops_a_collapsed_tower(
    make_run: MakeRun, faces: Path, tower_model: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, keras = import_tensorflow()
    with quiet_tensorflow():
        collapsed = keras.models.clone_model(tower_model)
        kernel, bias = collapsed.layers[-1].get_weights()
        collapsed.layers[-1].set_weights([np.zeros_like(kernel), np.ones_like(bias)])
    out = tmp_path / "tower.tflite"
    assert _convert(make_run(tower=collapsed), faces, out) == 1
    assert "has collapsed" in _error_line(capsys)
    assert not out.exists()


def test_an_existing_file_is_kept_unless_forced(
    make_run: MakeRun, faces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, out = make_run(), tmp_path / "tower.tflite"
    out.write_bytes(b"the old one")
    assert _convert(run, faces, out) == 2
    assert "--force" in _error_line(capsys)
    assert out.read_bytes() == b"the old one"
    assert _convert(run, faces, out, "--force") == 0
    assert read_bundle(out).card.name == "tiny"


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--recipe", "int4"], 2, "unknown recipe 'int4'"),
        (["--fmr", "0.0001"], 2, r"cannot resolve a false match rate of 0.0001"),
        (["--fmr", "0"], 2, "between 0 and 1"),
        (["--fmr", "nan"], 2, "between 0 and 1"),
        (["--samples", "9"], 2, "at least 10"),
        (["--seed", "-1"], 2, "must not be negative"),
        (["--name", " "], 2, "--name is empty"),
        (["--evaluate", "/nowhere"], 2, "/nowhere is not a folder"),
    ],
)
def test_wrong_options_are_one_line(
    make_run: MakeRun,
    faces: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    code: int,
    said: str,
) -> None:
    out = tmp_path / "tower.tflite"
    assert _convert(make_run(), faces, out, *options) == code
    assert said in _error_line(capsys)
    assert not out.exists()


def test_wrong_folders_and_files_are_one_line(
    make_run: MakeRun, faces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "tower.tflite"
    assert _convert(tmp_path / "no-run", faces, out) == 2
    assert "is not the folder of a training run" in _error_line(capsys)
    assert _convert(make_run(), tmp_path / "no-faces", out) == 2
    assert "is not a folder" in _error_line(capsys)
    run = make_run("text")
    (run / "tower.keras").write_text("I am no tower.")
    assert _convert(run, faces, out) == 3
    assert "not a whole Keras file" in _error_line(capsys)
    (tmp_path / "file").write_text("in the way")
    assert _convert(make_run("good"), faces, tmp_path / "file" / "tower.tflite") == 3
    assert "is no folder" in _error_line(capsys)
    assert not out.exists()


def test_an_interpreter_that_is_not_there_is_told_of_before_the_work(
    make_run: MakeRun, faces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for options in (["--runtime", "nope"], ["--runtime-python", str(tmp_path / "nope")]):
        assert _convert(make_run(options[0]), faces, tmp_path / "tower.tflite", *options) == 2
        said = capsys.readouterr().err
        assert said.startswith("error: ")
        assert said.count("\n") == 1


def test_shared_people_are_one_line(
    make_run: MakeRun, copy_people: CopyPeople, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _convert(make_run(), copy_people("shared", ["s1", "s9"]), tmp_path / "tower.tflite") == 2
    assert "share 1 people (s9)" in _error_line(capsys)


def test_help_and_recipes_load_no_tensorflow() -> None:
    program = """
import sys
from export.cli import main
for words in (["--help"], ["convert", "--help"], ["recipes", "--json"]):
    try:
        main(words)
    except SystemExit as end:
        assert end.code == 0
print("loaded:", sorted({"tensorflow", "keras", "train"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded: []"


def test_output_that_cannot_be_written_is_one_line() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "export", "recipes"], cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 3
    assert done.stderr.startswith("error: cannot write the output: ")
    assert done.stderr.count("\n") == 1


def test_an_unknown_option_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["convert", "--nonsense"])
    assert end.value.code == 2


def test_an_interrupt_is_one_line_and_leaves_nothing(make_run: MakeRun, faces: Path, tmp_path: Path) -> None:
    run, out = make_run(), tmp_path / "tower.tflite"
    command = [sys.executable, "-m", "export", "convert", str(run), "--representative", str(faces), "--out", str(out)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        # Its first word comes when it has read its input and has the work still before it.
        assert process.stderr is not None
        assert process.stderr.readline()
        process.send_signal(signal.SIGINT)
        said, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.splitlines()[-1] == "interrupted; nothing was written."
    assert "Traceback" not in errors
    assert said == ""
    assert not out.exists()
