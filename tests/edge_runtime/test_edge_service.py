"""``siamlite watch`` as a service: it goes on until it is told to stop, and what it recorded is whole."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
from edge_helpers import GENUINE, ROOT, THRESHOLD, scene
from test_edge_stream import serving

from edge_runtime.images import encode_image


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)], ids=["TERM", "INT"])
def test_it_stops_when_told_to_and_its_video_is_whole(
    number: signal.Signals, code: int, att_faces: Path, gallery_path: Path, tiny_tower_path: Path, tmp_path: Path,
    models: Path,
) -> None:  # fmt: skip
    jpeg = encode_image(scene(att_faces / GENUINE / "8.pgm"), ".jpg")
    video = tmp_path / "v.avi"
    words = ["watch", "--tower", tiny_tower_path, "--gallery", gallery_path, "--save-video", video]
    words += ["--threshold", THRESHOLD, "--frames", 2]
    with serving(jpeg, count=100_000) as url:
        command = [sys.executable, "-m", "edge_runtime", *map(str, words), "--source", url]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watching:
            assert watching.stdout is not None
            # Events of the camera may come first.
            lines = (json.loads(line) for line in watching.stdout)
            decision = next(line for line in lines if "outcome" in line)
            watching.send_signal(number)
            _, said = watching.communicate(timeout=60)
    assert (decision["outcome"], decision["person"]) == ("accepted", GENUINE)
    assert decision["at"]
    assert watching.returncode == code, said
    assert f"video: {video}" in said
    assert "Traceback" not in said
    assert cv2.VideoCapture(str(video)).read()[0]
    assert [path.name for path in tmp_path.iterdir() if "part" in path.name] == []
