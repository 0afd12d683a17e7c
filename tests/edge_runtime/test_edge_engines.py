"""How a model is run: interpreter or compiled, with XNNPACK or without, by a delegate."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from edge_helpers import Command, in_python

from edge_runtime.errors import MissingDependency, SpaceMismatch, TowerError, UsageError
from edge_runtime.faces.finder import FaceFinder
from edge_runtime.gallery.store import Gallery
from edge_runtime.images import read_image
from edge_runtime.towers.backends import choose_backend
from edge_runtime.towers.delegates import Delegate
from edge_runtime.towers.engine_choice import same_results
from edge_runtime.towers.engines import EngineOptions
from edge_runtime.towers.tower import Tower

COMPILES = choose_backend().compiles
CROPS = np.random.default_rng(3).integers(0, 256, (5, 48, 48, 3), dtype=np.uint8)

# The interface of an external delegate: one whose device is not there, and one that leaves the model as it is.
NO_DEVICE = """
#include <stddef.h>
void *tflite_plugin_create_delegate(char **k, char **v, size_t n, void (*report)(const char *)) {
  report("no device"); return NULL; }
void tflite_plugin_destroy_delegate(void *d) {}
"""
IDLE = """
#include <stddef.h>
#include <stdint.h>
struct delegate { void *data; int (*prepare)(void *, void *); void *from, *to, *release; int64_t flags; void *opaque; };
static int prepare(void *context, void *self) { return 0; }
static struct delegate idle = { .prepare = prepare };
void *tflite_plugin_create_delegate(char **k, char **v, size_t n, void (*report)(const char *)) { return &idle; }
void tflite_plugin_destroy_delegate(void *d) {}
"""


def library(folder: Path, name: str, source: str) -> Path:
    """A delegate, compiled here."""
    if shutil.which("cc") is None:
        pytest.skip("no C compiler")
    (folder / f"{name}.c").write_text(source)
    made = folder / f"lib{name}.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", made, folder / f"{name}.c"], check=True)
    return made


@pytest.mark.skipif(not COMPILES, reason="this interpreter has no CompiledModel")
def test_a_compiled_tower_gives_the_same_bytes_in_the_same_space(tower: Tower, tiny_tower_path: Path) -> None:
    compiled = Tower.load(tiny_tower_path, options=EngineOptions(engine="compiled"))
    assert (compiled.interpreter.engine, compiled.fingerprint) == ("compiled", tower.fingerprint)
    assert compiled.runtime.endswith(", compiled")
    np.testing.assert_array_equal(compiled.embed(CROPS), tower.embed(CROPS))
    for wrong in (np.zeros((1, 48, 48, 1), np.float32), np.zeros((1, 40, 48, 1), np.int8)):
        with pytest.raises(TowerError, match="failed to run"):
            compiled.interpreter.run(wrong)


@pytest.mark.skipif(not COMPILES, reason="this interpreter has no CompiledModel")
@pytest.mark.parametrize("detector", ["full-range", "short-range", "back"])
def test_a_compiled_detector_finds_the_same_faces(detector: str, models: Path, att_faces: Path) -> None:
    picture = read_image(att_faces / "s1/1.pgm")
    found = [
        FaceFinder(models=models, detector=detector, options=EngineOptions(engine=engine)).find(picture, photo=True)
        for engine in ("interpreter", "compiled")
    ]
    assert found[0]
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours.face.landmarks_px, theirs.face.landmarks_px, atol=0.02)


@pytest.mark.skipif(COMPILES, reason="this interpreter has CompiledModel")
def test_an_interpreter_without_it_says_so(tiny_tower_path: Path) -> None:
    with pytest.raises(MissingDependency, match="has no CompiledModel"):
        Tower.load(tiny_tower_path, options=EngineOptions(engine="compiled"))


def test_auto_takes_one_that_is_there_and_changes_nothing(tower: Tower, tiny_tower_path: Path) -> None:
    chosen = Tower.load(tiny_tower_path, options=EngineOptions(engine="auto"))
    assert chosen.interpreter.engine in ("interpreter", "compiled")
    assert chosen.fingerprint == tower.fingerprint
    np.testing.assert_array_equal(chosen.embed(CROPS), tower.embed(CROPS))


def test_the_compiled_engine_ends_in_silence(tiny_tower_path: Path) -> None:
    ran = in_python(
        "import sys\nfrom edge_runtime.towers.tower import Tower\n"
        "from edge_runtime.towers.engines import EngineOptions\n"
        "print(Tower.load(sys.argv[1], options=EngineOptions(engine='auto')).embedding_length)",
        tiny_tower_path,
    )
    assert (ran.stdout, ran.stderr, ran.returncode) == ("64\n", "", 0)


def test_without_xnnpack_it_is_another_space(tower: Tower, tiny_tower_path: Path, gallery_path: Path) -> None:
    plain = Tower.load(tiny_tower_path, options=EngineOptions(xnnpack=False))
    assert plain.fingerprint != tower.fingerprint
    assert not plain.calibrated
    assert plain.runtime.endswith("without XNNPACK")
    with pytest.raises(SpaceMismatch):
        Gallery.open(gallery_path, plain)


def test_results_are_compared_to_the_byte_where_they_are_whole_numbers() -> None:
    ones, near = np.ones((1, 4), np.int8), np.ones((1, 4), np.float32)
    assert same_results([ones], [ones.copy()])
    assert not same_results([ones], [ones + np.int8(1)])
    assert same_results([near], [near + np.float32(5e-5)])
    assert not same_results([near], [near + np.float32(1e-3)])
    assert not same_results([near], [near * np.float32(np.nan)])
    assert not same_results([near], [ones])


def test_a_delegate_that_is_missing_or_none_is_one_clear_line(
    siamlite: Command, tiny_tower_path: Path, tmp_path: Path
) -> None:
    words = ["bench", "--tower", tiny_tower_path, "--repeats", 2]
    line = siamlite.fails(3, *words, "--delegate", "libnowhere.so.9,device=usb")
    assert "libnowhere.so.9 cannot be loaded" in line
    assert "libm.so.6 is no TFLite delegate" in siamlite.fails(3, *words, "--delegate", "libm.so.6")
    (tmp_path / "text.so").write_text("this is no library\n")
    assert "cannot be loaded" in siamlite.fails(3, *words, "--delegate", tmp_path / "text.so")


def test_a_delegate_without_its_device_is_one_clear_line(
    siamlite: Command, tiny_tower_path: Path, tmp_path: Path
) -> None:
    made = library(tmp_path, "nodevice", NO_DEVICE)
    line = siamlite.fails(3, "bench", "--tower", tiny_tower_path, "--delegate", f"{made},device=usb")
    assert "libnodevice.so,device=usb does not start" in line
    assert "plugged in" in line


def test_a_delegate_makes_a_space_of_its_own(tower: Tower, tiny_tower_path: Path, tmp_path: Path) -> None:
    delegate = Delegate(library=str(library(tmp_path, "idle", IDLE)))
    delegated = Tower.load(tiny_tower_path, options=EngineOptions(delegate=delegate))
    assert delegated.embed(CROPS).shape == tower.embed(CROPS).shape
    assert delegated.fingerprint != tower.fingerprint
    assert not delegated.calibrated


@pytest.mark.parametrize("text", ["", "lib.so,device", "lib.so,=usb", ",a=b"])
def test_a_delegate_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="delegate"):
        Delegate.parse(text)


def test_what_a_delegate_is_told_is_part_of_it() -> None:
    delegate = Delegate.parse("/opt/lib/libedgetpu.so.1, device = usb:0,log=1")
    assert delegate.options == (("device", "usb:0"), ("log", "1"))
    assert str(delegate) == "libedgetpu.so.1,device=usb:0,log=1"


@pytest.mark.parametrize(
    "options",
    [
        {"engine": "fast"},
        {"delegate": Delegate(library="x"), "engine": "compiled"},
        {"delegate": Delegate(library="x"), "xnnpack": False},
    ],
)
def test_options_that_exclude_each_other_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        EngineOptions(**options)
