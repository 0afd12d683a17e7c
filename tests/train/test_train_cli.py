import subprocess
import sys
from pathlib import Path

import pytest

from train.cli import main

ROOT = Path(__file__).resolve().parents[2]


def test_import_and_help_need_no_tensorflow():
    code = (
        "import sys, train, train.cli; train.cli.make_parser().format_help(); "
        "sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_tensorflow_says_nothing():
    code = "from train.keras_quietly import tf; tf.constant(1.0) + 1"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    "words",
    [
        ["prepare", "/nowhere", "--out", "/tmp/x"],
        ["prepare", "/nowhere", "--out", "/tmp/x", "--size", "3"],
        ["fit", "--data", "/nowhere", "--out", "/tmp/x-run"],
        ["fit", "--data", "/nowhere", "--out", "/tmp/x-run", "--recipe", "none"],
        ["fit", "--data", "/nowhere", "--out", "/tmp/x-run", "--set", "tower.wide=3"],
        ["fit", "--data", "/nowhere", "--out", "/tmp/x-run", "--epochs", "0"],
        ["evaluate", "/nowhere", "--data", "/nowhere"],
        ["evaluate", "/nowhere", "--data", "/nowhere", "--people", ","],
        ["calibrate", "/nowhere", "--data", "/nowhere", "--people", ","],
        ["calibrate", "/nowhere", "--data", "/nowhere", "--seed", "-1"],
        ["fit", "--data", "/nowhere", "--out", "/tmp/x-run", "--devices", "0"],
        ["fit", "--data", "/nowhere", "--out", "/tmp/x-run", "--devices", "1000000"],
    ],
)
def test_errors_are_one_line(words, capsys, models):
    assert main(words) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines()[-1].startswith("error: ")


def test_ctrl_c(monkeypatch, capsys):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("train.recipe.load_config", stop)
    assert main(["fit", "--data", "x", "--out", "y"]) == 130
    assert capsys.readouterr().err.count("\n") == 1
