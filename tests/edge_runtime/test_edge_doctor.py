"""What the doctor finds, and what importing costs."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest
from edge_helpers import Command, in_python, unit

import edge_runtime
from edge_runtime.commands.console import run_command, table
from edge_runtime.errors import GalleryError, SiamliteError, SpaceMismatch, TowerError
from edge_runtime.gallery.store import Gallery
from edge_runtime.machine.doctor import Finding, examine, healthy
from edge_runtime.towers.tower import Tower


def finding(findings: list[Finding], name: str) -> Finding:
    (one,) = [f for f in findings if f.name == name]
    return one


def test_importing_loads_nothing_heavy() -> None:
    ran = in_python(
        "import sys, edge_runtime\n"
        "heavy = {'cv2', 'tensorflow', 'keras', 'numpy', 'ai_edge_litert', 'tflite_runtime'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    assert (ran.stdout.strip(), ran.stderr) == ("[]", "")


@pytest.mark.parametrize("name", edge_runtime.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(edge_runtime, name) is not None
    assert name in dir(edge_runtime)
    if name != "__version__":
        assert getattr(edge_runtime, name).__doc__


def test_other_names_are_not() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        edge_runtime.nonsense  # noqa: B018


def test_every_module_has_a_docstring_and_imports_alone() -> None:
    for path in Path(edge_runtime.__file__).parent.glob("*.py"):
        if path.stem != "__main__":
            assert importlib.import_module(f"edge_runtime.{path.stem}").__doc__, path


def test_the_doctor_loads_no_tensorflow(tiny_tower_path: Path, models: Path, tmp_path: Path) -> None:
    ran = in_python(
        "import sys\nfrom edge_runtime.commands.cli import main\n"
        "code = main(['doctor', '--json', '--tower', sys.argv[1], '--gallery', sys.argv[2]])\n"
        "print(code, sorted({'tensorflow', 'keras'} & set(sys.modules)))",
        tiny_tower_path,
        tmp_path / "none.db",
    )
    report, last = ran.stdout.splitlines()
    assert last.endswith(" []")
    assert ran.stderr == ""
    assert "tensorflow" not in [f["name"] for f in json.loads(report)["findings"]]


def test_a_healthy_machine(siamlite: Command, tower: Tower, gallery_path: Path, models: Path, tmp_path: Path) -> None:
    findings = [f for f in examine(tower_path=tower.path, gallery_path=gallery_path) if f.name != "tensorflow"]
    for name in ("opencv", "interpreter", "detectors", "gallery"):
        assert finding(findings, name).status == "ok", name
    assert finding(findings, "tower").status == ("ok" if tower.calibrated else "broken")
    assert "a person’s mean similarity counts, the usual limits of quality" in finding(findings, "tower").detail
    assert healthy(findings) == tower.calibrated
    if not tower.calibrated:
        assert "--threshold" in finding(findings, "tower").remedy
    bare = [f for f in examine(tower_path=tmp_path / "none", gallery_path=tmp_path / "none") if f.name != "tensorflow"]
    assert healthy(bare)
    assert "export convert" in finding(bare, "tower").remedy
    assert list(tmp_path.iterdir()) == [gallery_path]


def test_what_is_broken_is_named(
    tower: Tower, tmp_path: Path, siamlite: Command, damaged_towers: dict[str, bytes]
) -> None:
    bad_tower, bad_gallery = tmp_path / "t.tflite", tmp_path / "g.db"
    bad_tower.write_bytes(damaged_towers["flipped"])
    with Gallery.open(bad_gallery, tower, create=True) as gallery:
        gallery.enrol("Ann", unit(1))
    bad_gallery.write_bytes(bad_gallery.read_bytes()[:9000])
    findings = examine(tower_path=bad_tower, gallery_path=bad_gallery)
    assert finding(findings, "tower").status == finding(findings, "gallery").status == "broken"
    assert not healthy(findings)
    code, out, err = siamlite("doctor", "--tower", bad_tower, "--gallery", bad_gallery)
    assert (code, err) == (1, "")
    assert "changed after the tower was made" in out


def test_missing_detectors_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, siamlite: Command) -> None:
    monkeypatch.setenv("SIAMLITE_HOME", str(tmp_path))
    code, out, _ = siamlite("doctor", "--json")
    found = {f["name"]: f for f in json.loads(out)["findings"]}
    assert (code, found["detectors"]["status"], found["detectors"]["remedy"]) == (1, "missing", "siamlite setup")
    assert list(tmp_path.iterdir()) == []


def test_errors_have_exit_codes_and_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    import argparse

    def failing(error: BaseException) -> argparse.ArgumentParser:
        def run(_: argparse.Namespace) -> int:
            raise error

        parser = argparse.ArgumentParser()
        parser.set_defaults(run=run)
        return parser

    for error, code in (
        (TowerError("two\nlines"), 3),
        (RuntimeError("odd\nthing"), 3),
        (KeyboardInterrupt(), 130),
    ):
        assert run_command(failing(error), []) == code
        assert capfd.readouterr().err.count("\n") == 1
    assert issubclass(SpaceMismatch, GalleryError)
    assert {kind.exit_code for kind in SiamliteError.__subclasses__()} == {1, 2, 3}
    assert table([["a", "b"], ["long", "1"]]) == "a     b\nlong  1"
