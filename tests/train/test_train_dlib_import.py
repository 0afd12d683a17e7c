"""``import-dlib``: dlib's own descriptors out of Keras, and nothing but the pinned file."""

import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from train_helpers import cached_member

from edge_runtime.errors import FetchError
from edge_runtime.faces.align import DLIB_TEMPLATE
from edge_runtime.files import sha256_bytes
from edge_runtime.towers.preprocess import InputSpec, normalise
from train.cli import main
from train.dlib_files import fetch
from train.dlib_files.fetch import FACE_NETWORK, PinnedMember, fetch_member
from train.dlib_files.port import mean_descriptor
from train.measure.towers import load_tower

SPEC = InputSpec(size_px=150, colour="rgb")


@pytest.fixture(scope="session")
def weights_file(siamlite_home: Path) -> Path:
    return cached_member(FACE_NETWORK)


@pytest.fixture(scope="session")
def imported(weights_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dlib") / "port"
    assert main(["import-dlib", "--out", str(out)]) == 0
    return out


def last_line(capsys: pytest.CaptureFixture[str]) -> str:
    printed = capsys.readouterr()
    assert printed.out == ""
    return printed.err.splitlines()[-1]


@pytest.mark.registry
def test_the_tower_gives_dlibs_own_descriptors(imported, weights_file, att_faces):
    import dlib

    from train.keras_quietly import load_keras

    faces = [cv2.imread(str(att_faces / f"s{person}/1.pgm")) for person in range(1, 41, 4)]
    chips = [cv2.resize(face, (150, 150), interpolation=cv2.INTER_CUBIC) for face in faces]
    rng = np.random.default_rng(0)
    # Colours too, so that no channel can be taken for another.
    chips += [(chip * rng.uniform(0.2, 1, 3)).astype(np.uint8) for chip in chips]
    chips += list(rng.integers(0, 256, (4, 150, 150, 3), dtype=np.uint8))
    model = dlib.face_recognition_model_v1(str(weights_file))
    wanted = np.array([model.compute_face_descriptor(np.ascontiguousarray(chip)) for chip in chips])
    found = load_keras(imported / "tower.keras").predict(normalise(np.stack(chips), SPEC), verbose=0)
    assert np.abs(found - wanted).max() < 1e-5
    # Descriptors are not all alike, or the comparison would say nothing.
    assert np.abs(wanted - wanted.mean(axis=0)).max() > 0.1


@pytest.mark.registry
def test_the_export_takes_the_folder(imported):
    from export.adoption.given import find_template
    from export.sources.keras_file import load_keras_tower

    origin = json.loads((imported / "origin.json").read_text())
    assert origin["tower"]["sha256"] == sha256_bytes((imported / "tower.keras").read_bytes())
    assert origin["weights"]["sha256"] == FACE_NETWORK.sha256
    assert origin["weights"]["licence"] == "CC0-1.0"
    spec = InputSpec(**origin["tower"]["input"])
    assert spec == SPEC
    tower = load_keras_tower(imported / "tower.keras", spec, embedding_length=origin["tower"]["embedding_length"])
    assert {layer.name for layer in tower.layers} >= {"stem", "s0b0_conv1", "s4b0_conv2", "embedding"}
    template = find_template(str(imported / "alignment.json"))
    assert template.name == origin["tower"]["alignment"]
    assert "CC0 1.0 Universal" in (imported / "LICENSE.txt").read_text()


@pytest.mark.registry
def test_the_folder_is_kept_unless_forced_and_the_next_command_is_said(imported, weights_file, tmp_path, capsys):
    words = ["import-dlib", "--out", str(imported), "--file", str(weights_file)]
    before = (imported / "tower.keras").stat().st_mtime_ns
    assert main(words) == 2
    assert "--force" in last_line(capsys)
    assert (imported / "tower.keras").stat().st_mtime_ns == before
    assert main([*words, "--force", "--json"]) == 0
    printed = capsys.readouterr()
    report = json.loads(printed.out)
    assert printed.out.count("\n") == 1
    assert report["parameters"] == 5607616 - 8 * 256 * 256  # the last convolution is 1×1
    lines = printed.err.splitlines()
    assert f"written: {imported}" in lines
    assert lines[-1].startswith(f"next: python -m export adopt {imported / 'tower.keras'} ")
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.json").write_text("{}")
    assert main(["import-dlib", "--out", str(run), "--force"]) == 2
    assert "holds a run" in last_line(capsys)
    assert main(["import-dlib", "--out", str(run / "config.json"), "--force"]) == 2
    assert "is a file" in last_line(capsys)


@pytest.mark.registry
def test_a_write_that_fails_leaves_nothing(imported, weights_file, tmp_path, monkeypatch, capsys):
    def full(*_):
        raise OSError(28, "No space left on device")

    out = tmp_path / "parent" / "out"
    monkeypatch.setattr("train.dlib_files.folder.os.replace", full)
    assert main(["import-dlib", "--out", str(out), "--file", str(weights_file)]) == 3
    line = last_line(capsys)
    assert line.startswith("error: cannot write ")
    assert "No space left on device" in line
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.registry
def test_damaged_weights_are_one_clear_error(weights_file, tmp_path, capsys):
    data = weights_file.read_bytes()
    flipped = bytearray(data)
    flipped[len(data) // 2] ^= 1
    cases = {"short.dat": (data[:-1], "cut short"), "flipped.dat": (bytes(flipped), "SHA-256 differs")}
    for name, (content, words) in cases.items():
        path = tmp_path / name
        path.write_bytes(content)
        assert main(["import-dlib", "--out", str(tmp_path / "out"), "--file", str(path)]) == 3
        line = last_line(capsys)
        assert line.startswith(f"error: {path} is not the pinned {FACE_NETWORK.file_name}")
        assert words in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("option", ["--file", "--archive"])
@pytest.mark.parametrize("kind", ["missing", "folder", "device", "foreign"])
def test_what_is_not_the_pinned_file_is_one_clear_error(option, kind, tmp_path, capsys):
    path = {"missing": tmp_path / "none", "folder": tmp_path, "device": Path("/dev/zero")}.get(kind, tmp_path / "x.dat")
    if kind == "foreign":
        path.write_bytes(b"PK\3\4 something else")
    assert main(["import-dlib", "--out", str(tmp_path / "out"), option, str(path)]) == 3
    assert last_line(capsys).startswith("error: ")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("share", ["-0.1", "1.5", "nan"])
def test_a_share_is_from_nothing_to_all(share, tmp_path, capsys):
    assert main(["import-dlib", "--out", str(tmp_path / "out"), f"--centre={share}"]) == 2
    assert "--centre must be from 0 to 1" in last_line(capsys)
    assert not (tmp_path / "out").exists()


@pytest.mark.registry
def test_the_origin_says_what_was_taken_off(imported, weights_file, tmp_path):
    out = tmp_path / "out"
    assert main(["import-dlib", "--out", str(out), "--file", str(weights_file), "--centre", "0.7"]) == 0
    origin = json.loads((out / "origin.json").read_text())
    assert origin["tower"]["centre"]["share"] == 0.7
    assert "research only" in origin["tower"]["centre"]["mean_of"]
    assert "centre" not in json.loads((imported / "origin.json").read_text())["tower"]
    tower = load_tower(out / "tower.keras")
    assert (tower.spec, tower.template) == (SPEC, DLIB_TEMPLATE)
    face = np.full((1, 150, 150, 3), 128, np.uint8)
    plain = load_tower(imported / "tower.keras").embed(face)
    np.testing.assert_allclose(plain - tower.embed(face), [0.7 * mean_descriptor()], atol=1e-6)


def test_without_network_the_error_says_what_to_bring(tmp_path, monkeypatch, capsys):
    for name, value in {"NO_INDEX": "1", "FIND_LINKS": "", "RETRIES": "0", "TIMEOUT": "2"}.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    monkeypatch.setenv("SIAMLITE_CACHE", str(tmp_path / "cache"))
    assert main(["import-dlib", "--out", str(tmp_path / "out")]) == 3
    line = last_line(capsys)
    assert "could not fetch face_recognition_models 0.3.0" in line
    assert "--archive PATH" in line
    assert list(tmp_path.rglob("*.dat")) == []


def test_one_file_is_taken_out_of_an_archive(tmp_path, monkeypatch):
    content = b"weights" * 100
    member = PinnedMember(path="a/b/net.dat", size_bytes=len(content), sha256=sha256_bytes(content))
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        entry = tarfile.TarInfo(member.path)
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    path = tmp_path / "models.tar.gz"
    path.write_bytes(packed.getvalue())
    pin = replace(fetch.MODELS_ARCHIVE, file_name=path.name, sha256=sha256_bytes(packed.getvalue()))
    monkeypatch.setattr(fetch, "MODELS_ARCHIVE", pin)
    assert fetch_member(member, archive=path) == content
    assert fetch_member(member, archive=tmp_path) == content
    with pytest.raises(FetchError, match="cannot read other"):
        fetch_member(replace(member, path="a/other"), archive=path)
    with pytest.raises(FetchError, match="not the pinned one"):
        fetch_member(replace(member, sha256="0" * 64), archive=path)
    path.write_bytes(packed.getvalue()[:-9])
    with pytest.raises(FetchError, match="SHA-256 differs"):
        fetch_member(member, archive=path)
