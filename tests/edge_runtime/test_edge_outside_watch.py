"""Watching with the outside attached: the decisions stay what they are, whatever happens there."""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from edge_helpers import GENUINE, IMPOSTOR, ROOT, THRESHOLD, Command, frames, scene
from outside_helpers import decision, eventually

from edge_runtime.commands.outward import outward
from edge_runtime.decisions.observe import Observation
from edge_runtime.decisions.session import Step

pytest.importorskip("tomllib", reason="needs Python 3.11, or tomli")

KEEP = "import os, sys; open(sys.argv[1], 'a').write(sys.stdin.read() + chr(10))"


@pytest.fixture(scope="module")
def film(att_faces: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody who is enrolled, nobody, and a stranger."""
    path = tmp_path_factory.mktemp("film") / "door.avi"
    wall = np.full((240, 320, 3), 96, np.uint8)
    shown = [scene(att_faces / GENUINE / f"{n}.pgm") for n in range(6, 11)] + [wall] * 8
    shown += [scene(att_faces / IMPOSTOR / f"{n}.pgm") for n in range(1, 6)]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 5.0, (320, 240))
    for image in shown:
        writer.write(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    writer.release()
    return path


def toml(*words: object) -> str:
    return json.dumps([str(word) for word in words])


def untimed(out: str) -> list[dict[str, Any]]:
    """The lines without what differs from run to run."""
    return [{k: v for k, v in json.loads(line).items() if k not in ("latency_ms", "at")} for line in out.splitlines()]


def test_the_outside_changes_no_decision(
    siamlite: Command, tiny_tower_path: Path, gallery_path: Path, film: Path, tmp_path: Path
) -> None:
    place = ["--tower", tiny_tower_path, "--gallery", gallery_path, "--source", film, "--threshold", THRESHOLD]
    watch = ["identify", "--watch", "--json", "--frames", 3, *place]
    code, alone, err = siamlite(*watch)
    assert (code, err) == (0, "")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        dead = free.getsockname()[1]
    events = tmp_path / "events.toml"
    events.write_text(
        f"[[command]]\nargv = {toml(sys.executable, '-c', KEEP, tmp_path / 'told')}\n"
        f"[[command]]\nargv = {toml(sys.executable, '-c', KEEP, tmp_path / 'accepted')}\non = ['accepted']\n"
        # One that hangs, one that fails, one that is not there.
        f"[[command]]\nargv = {toml(sys.executable, '-c', 'import time; time.sleep(1000)')}\ntimeout_s = 1000\n"
        f"[[command]]\nargv = ['/none/at/all']\n"
        f"[[webhook]]\nurl = 'http://127.0.0.1:{dead}/'\n"
    )
    code, told, err = siamlite(*watch, "--events", events)
    assert code == 0
    assert untimed(told) == untimed(alone)
    assert [line["outcome"] for line in untimed(told)] == ["accepted", "rejected"]
    lines = [json.loads(line) for line in (tmp_path / "told").read_text().splitlines()]
    kept = [{key: line[key] for key in untimed(told)[0]} for line in lines]
    assert kept == untimed(told)
    (accepted,) = (tmp_path / "accepted").read_text().splitlines()
    assert json.loads(accepted)["person"] == GENUINE
    assert "command /none/at/all: cannot be run" in err
    assert "was not reached" in err
    assert "Traceback" not in err


def test_a_file_that_is_wrong_is_one_line(
    siamlite: Command, tiny_tower_path: Path, gallery_path: Path, film: Path, tmp_path: Path
) -> None:
    events = tmp_path / "events.toml"
    events.write_text("[[command]]\nargs = ['true']\n")
    place = ["--tower", tiny_tower_path, "--gallery", gallery_path, "--source", film, "--threshold", THRESHOLD]
    assert "unknown key 'args'" in siamlite.fails(2, "identify", *place, "--events", events)
    assert "cannot read" in siamlite.fails(2, "identify", *place, "--events", tmp_path / "none.toml")


def test_systemd_hears_of_frames_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))
        ear.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        # So short that every frame feeds it.
        monkeypatch.setenv("WATCHDOG_USEC", "1")
        monkeypatch.delenv("WATCHDOG_PID", raising=False)
        nothing = Step(frame=None, seen=Observation(problem="no-frame"))
        lost = Step(frame=None, seen=Observation(problem="no-frame"), event="camera 0 lost: it was pulled out")
        (frame,) = frames([np.zeros((9, 9, 3), np.uint8)])
        seen = Step(frame=frame, seen=Observation(problem="no-face"))
        given = [nothing, seen, nothing, nothing, lost, seen, nothing]
        with outward(argparse.Namespace(events=None)) as told:
            assert list(told(given)) == given
        said = [ear.recv(4096).decode() for _ in range(5)]
        with pytest.raises(BlockingIOError):
            ear.recv(4096)
    assert said == [
        "READY=1\nSTATUS=watching",
        "WATCHDOG=1",
        "STATUS=camera 0 lost: it was pulled out",
        "WATCHDOG=1",
        "STOPPING=1",
    ]


def test_what_happens_to_the_camera_is_told(tmp_path: Path) -> None:
    events = tmp_path / "events.toml"
    events.write_text(
        f"[[command]]\nargv = {toml(sys.executable, '-c', KEEP, tmp_path / 'told')}\non = ['camera', 'fault']\n"
    )
    step = Step(
        frame=None,
        seen=Observation(problem="no-frame"),
        decisions=(decision(),),
        event="rtsp://…@camera/door lost: ended after 3 pictures",
    )
    with outward(argparse.Namespace(events=events)) as told:
        assert list(told([step])) == [step]
    (line,) = (tmp_path / "told").read_text().splitlines()
    assert json.loads(line)["text"] == step.event
    assert json.loads(line)["event_type"] == "camera"


def test_an_error_on_the_way_still_closes_everything(tmp_path: Path) -> None:
    events = tmp_path / "events.toml"
    events.write_text(f"[[command]]\nargv = {toml(sys.executable, '-c', KEEP, tmp_path / 'told')}\n")
    step = Step(frame=None, seen=Observation(problem="no-frame"), decisions=(decision(),))

    def interrupted() -> Iterator[Step]:
        yield step
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), outward(argparse.Namespace(events=events)) as told:
        list(told(interrupted()))
    assert len((tmp_path / "told").read_text().splitlines()) == 1


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_service_ends_cleanly(
    number: signal.Signals, code: int, tiny_tower_path: Path, gallery_path: Path, att_faces: Path, tmp_path: Path
) -> None:
    """As systemd or a user ends it, in the middle of an endless stream and of a command that hangs."""
    events = tmp_path / "events.toml"
    hang = "import sys, time; open(sys.argv[1], 'w').close(); time.sleep(1000)"
    events.write_text(f"[[command]]\nargv = {toml(sys.executable, '-c', hang, tmp_path / 'hangs')}\ntimeout_s = 1000\n")
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for picture in range(2000):
        os.link(_kept(att_faces / GENUINE / "6.pgm", tmp_path), pictures / f"{picture}.pgm")
    words = ["identify", "--watch", "--json", "--frames", "1", "--threshold", str(THRESHOLD)]
    words += ["--tower", str(tiny_tower_path), "--gallery", str(gallery_path), "--source", str(pictures)]
    with subprocess.Popen(
        [sys.executable, "-m", "edge_runtime", *words, "--events", str(events)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        eventually(lambda: (tmp_path / "hangs").exists() or process.poll() is not None, within_s=120)
        process.send_signal(number)
        out, err = process.communicate(timeout=120)
    assert process.returncode == code, err
    assert json.loads(out.splitlines()[0])["outcome"] == "accepted"
    assert "Traceback" not in err


def _kept(path: Path, folder: Path) -> Path:
    """A copy on the same disk, to be linked to."""
    copy = folder / "face.pgm"
    if not copy.exists():
        copy.write_bytes(path.read_bytes())
    return copy
