"""The same bytes on Arm: the pure parts always, the emulation itself when it is asked for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.arm.compare import compare
from benchmarks.arm.machines import Machine, embed, emulated_machine, explain, read_result, this_machine
from benchmarks.arm.report import row_text, verdict_text
from benchmarks.arm.run import row_of, verdict, write_job
from benchmarks.arm.towers import look_at, look_at_all
from benchmarks.arm.userland import Userland, cache_root
from edge_runtime.errors import DataError, SiamliteError, TowerError, UsageError
from edge_runtime.images import write_image
from edge_runtime.people import write_faces_mark
from edge_runtime.towers.bundle import read_bundle
from edge_runtime.towers.tower import Tower

ROOT = Path(__file__).resolve().parents[1]


# Comparing


def unit(values: np.ndarray) -> np.ndarray:
    return (values / np.linalg.norm(values.astype(np.float32), axis=1, keepdims=True)).astype(np.float32)


def test_the_same_bytes_are_identical() -> None:
    raw = np.array([[1, -2, 3], [4, 5, -6]], dtype=np.int8)
    found = compare(raw, raw.copy(), unit(raw), unit(raw))
    assert found.identical
    assert (found.differing, found.values, found.pictures_differing, found.largest) == (0, 6, 0, 0.0)
    assert found.cosine_mean == pytest.approx(1, abs=1e-12)


def test_what_differs_is_counted() -> None:
    here = np.array([[1, -128, 3], [4, 5, -6]], dtype=np.int8)
    there = here.copy()
    there[0] = [2, 127, 3]
    found = compare(here, there, unit(here), unit(there))
    assert not found.identical
    # 127 − (−128) is no int8: the distance is not computed in the output's own type.
    assert (found.differing, found.pictures_differing, found.largest) == (2, 1, 255.0)
    assert found.cosine_min < 0 < found.cosine_mean


def test_embeddings_that_differ_alone_are_no_identity() -> None:
    raw = np.array([[1, 2]], dtype=np.int8)
    shifted = np.nextafter(unit(raw), np.float32(2))
    found = compare(raw, raw, unit(raw), shifted)
    assert (found.same_raw, found.same_embeddings, found.identical) == (True, False, False)


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=8), st.integers(0, 31))
def test_one_bit_of_a_float_is_a_difference(values: list[float], bit: int) -> None:
    here = np.array([values], dtype=np.float32)
    there = here.copy()
    there.view(np.uint32)[0, 0] ^= np.uint32(1 << bit)
    same = np.ones_like(here)
    assert compare(here, here, same, same).same_raw
    with np.errstate(all="ignore"):
        assert compare(here, there, same, same).differing == 1


@pytest.mark.parametrize(
    "there", [np.zeros((1, 3), np.int8), np.zeros((2, 2), np.int8), np.zeros((1, 2), np.float32), np.zeros(2, np.int8)]
)
def test_results_of_two_kinds_are_refused(there: np.ndarray) -> None:
    here, same = np.zeros((1, 2), np.int8), np.ones((1, 2), np.float32)
    with pytest.raises(DataError, match="not of one kind"):
        compare(here, there, same, same)


def row(kind: str, identical: bool) -> dict[str, Any]:
    return {"tower": kind, "kind": kind, "identical": identical}


def test_only_int8_towers_are_judged() -> None:
    assert verdict([row("int8", True), row("float32", False)]) is True
    assert verdict([row("int8", True), row("int8", False)]) is False
    assert verdict([row("float32", True)]) is None
    assert "nothing is proved" in verdict_text({"rows": [row("float32", True)], "identical": None, "pictures": 1})


# Machines


def test_the_emulators_death_names_its_known_reason() -> None:
    for code in (-11, 139, -4):
        assert "--qemu PATH" in explain("the emulated x", code, "")
    assert (
        explain("the emulated x", 1, "ImportError: y\n")
        == "the emulated x could not embed the faces (exit code 1): ImportError: y."
    )


def test_the_emulated_command_keeps_our_python_out() -> None:
    userland = Userland(
        root=Path("/c/python"), python=Path("/c/python/usr/bin/python3.11"), python_version="3.11", qemu=Path("/c/qemu")
    )
    machine = emulated_machine(userland, [Path("/c/libraries")], "cortex-a72")
    assert machine.command[:5] == ("/c/qemu", "-cpu", "cortex-a72", "-L", "/c/python")
    ours = {"PATH": "/bin", "PYTHONHOME": "/x", "LD_LIBRARY_PATH": "/x", "PYTHONPATH": "/x"}
    theirs = machine.environment(ours)
    assert theirs["PYTHONPATH"] == f"{ROOT}{os.pathsep}/c/libraries"
    assert not {"PYTHONHOME", "LD_LIBRARY_PATH"} & set(theirs)
    assert this_machine().environment(ours)["PYTHONPATH"] == f"{ROOT}{os.pathsep}/x"


def test_the_cache_is_the_users_choice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SIAMLITE_CACHE", str(tmp_path))
    assert cache_root() == tmp_path / "arm"
    monkeypatch.delenv("SIAMLITE_CACHE")
    assert cache_root() == ROOT / ".cache/arm"


# Towers and the worker


@pytest.fixture
def faces(tmp_path: Path, tiny_tower_path: Path) -> Path:
    """Prepared faces of three people that are nobody: smooth noise."""
    generator = np.random.default_rng(0)
    folder = tmp_path / "faces"
    for person in ("a", "b", "c"):
        for number in range(2):
            small = generator.integers(0, 256, (6, 6, 3), dtype=np.uint8)
            write_image(folder / person / f"{number}.png", small.repeat(8, axis=0).repeat(8, axis=1))
    write_faces_mark(folder, {"size_px": 48})
    return folder


def test_a_tower_file_and_a_bare_flatbuffer_are_told_apart(tmp_path: Path, tiny_tower_path: Path) -> None:
    bare = tmp_path / "bare.tflite"
    bundle = read_bundle(tiny_tower_path)
    bare.write_bytes(bundle.flatbuffer)
    whole, plain = look_at_all([tiny_tower_path, bare])
    assert (whole.has_card, plain.has_card) == (True, False)
    assert whole.spec == plain.spec == bundle.card.input
    assert whole.kind == plain.kind == "int8"
    with pytest.raises(UsageError, match="two towers are called"):
        look_at_all([bare, bare])


def test_a_damaged_tower_is_refused_not_taken_for_a_bare_one(tmp_path: Path, tiny_tower_path: Path) -> None:
    data = bytearray(tiny_tower_path.read_bytes())
    data[len(data) // 4] ^= 1
    (tmp_path / "damaged.tflite").write_bytes(data)
    (tmp_path / "foreign.tflite").write_bytes(b"no model")
    for name in ("damaged", "foreign", "missing"):
        with pytest.raises(TowerError):
            look_at(tmp_path / f"{name}.tflite")


def test_the_worker_gives_the_towers_own_embeddings(tmp_path: Path, faces: Path, tiny_tower_path: Path) -> None:
    job = write_job(tmp_path / "work", look_at_all([tiny_tower_path]), faces, 5)
    assert (job.pictures, job.people) == (5, 3)
    first, second = (embed(this_machine(), job.file, tmp_path / "here.npz") for _ in range(2))
    crops = np.load(tmp_path / "work/crops-0.npy", allow_pickle=False)
    tower = Tower.load(tiny_tower_path)
    assert np.array_equal(first.unit["tiny"], tower.embed(crops))
    assert first.raw["tiny"].dtype == np.int8
    row = row_of(job.towers[0], first, second)
    assert row["identical"] is True
    assert "yes" in row_text({**row, "interpreter": "here", "processor": "this"})
    assert first.about["interpreter"] == f"{tower.backend.distribution} {tower.backend.version}"


def test_a_refused_tower_is_no_identity(tmp_path: Path, faces: Path, tiny_tower_path: Path) -> None:
    own = tmp_path / "own.tflite"
    own.write_bytes(tiny_tower_path.read_bytes())
    job = write_job(tmp_path / "work", look_at_all([own]), faces, 2)
    here = embed(this_machine(), job.file, tmp_path / "here.npz")
    own.write_bytes(tiny_tower_path.read_bytes()[:-9])
    there = embed(this_machine(), job.file, tmp_path / "there.npz")
    found = row_of(job.towers[0], here, there)
    assert found["identical"] is False
    assert found["refused"].startswith("there: ")
    assert "refused" in row_text({**found, "interpreter": "x", "processor": "y"})
    assert verdict([found]) is False


def test_too_few_faces_are_an_error(tmp_path: Path, faces: Path, tiny_tower_path: Path) -> None:
    with pytest.raises(DataError, match="6 usable faces, 20 are wanted"):
        write_job(tmp_path / "work", look_at_all([tiny_tower_path]), faces, 20)


def test_a_worker_that_fails_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SiamliteError, match=r"this machine could not embed the faces \(exit code 2\)") as caught:
        embed(this_machine(), tmp_path / "missing.json", tmp_path / "here.npz")
    assert "\n" not in str(caught.value)
    nothing = Machine(name="nothing", command=("no-such-program-here",), path=())
    with pytest.raises(SiamliteError, match="nothing could not embed"):
        embed(nothing, tmp_path / "missing.json", tmp_path / "here.npz")


def test_a_truncated_result_is_refused(tmp_path: Path, faces: Path, tiny_tower_path: Path) -> None:
    job = write_job(tmp_path / "work", look_at_all([tiny_tower_path]), faces, 2)
    result = tmp_path / "here.npz"
    embed(this_machine(), job.file, result)
    for size in (0, 100, result.stat().st_size - 30):
        (tmp_path / "cut.npz").write_bytes(result.read_bytes()[:size])
        with pytest.raises(SiamliteError, match="no whole result"):
            read_result(tmp_path / "cut.npz")


def test_the_worker_needs_nothing_that_a_device_lacks() -> None:
    code = (
        "import sys, benchmarks.arm.worker; "
        "print(sorted(n for n in ('tensorflow', 'keras', 'train', 'export', 'packaging') if n in sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


# The emulation itself


@pytest.mark.slow
@pytest.mark.registry
@pytest.mark.skipif(
    os.environ.get("SIAMLITE_TEST_ARM") != "1",
    reason="emulates an aarch64 user space, some minutes: SIAMLITE_TEST_ARM=1 make test PYTEST=tests/test_arm.py",
)
def test_an_int8_tower_gives_the_same_bytes_on_arm(
    tmp_path: Path, att_faces: Path, models: Path, tiny_tower_path: Path
) -> None:
    command = [sys.executable, "-m", "benchmarks.arm", "--tower", str(tiny_tower_path), "--faces", str(att_faces)]
    command += ["--processor", "cortex-a72", "--work", str(tmp_path), "--json"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    result = json.loads(ran.stdout.splitlines()[-1])
    assert result["identical"] is True
    assert result["there"][0]["machine"] == "aarch64"
    assert result["rows"][0]["difference"]["values"] == 20 * 64
