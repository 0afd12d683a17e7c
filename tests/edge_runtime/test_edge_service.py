"""``siamlite watch`` as a service: it goes on until it is told to stop, and what it recorded is whole."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import pytest
from edge_helpers import GENUINE, ROOT, THRESHOLD, scene

from edge_runtime.images import encode_image


@contextmanager
def camera(jpegs: list[bytes]) -> Iterator[str]:
    """A camera with a web server that shows the pictures in turn, for ever; its URL."""
    done = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            try:
                for jpeg in itertools.cycle(jpegs):
                    head = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(jpeg)
                    self.wfile.write(head + jpeg + b"\r\n")
                    if done.wait(0.03):
                        return
            except OSError:
                return

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/video"
    finally:
        done.set()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)], ids=["TERM", "INT"])
def test_it_stops_when_told_to_and_its_video_is_whole(
    number: signal.Signals, code: int, att_faces: Path, gallery_path: Path, tiny_tower_path: Path, tmp_path: Path,
    models: Path,
) -> None:  # fmt: skip
    # Two pictures in turn: one alone would be a frozen camera.
    jpegs = [encode_image(scene(att_faces / GENUINE / f"{picture}.pgm"), ".jpg") for picture in (7, 8)]
    video = tmp_path / "v.avi"
    words = ["watch", "--tower", tiny_tower_path, "--gallery", gallery_path, "--save-video", video]
    words += ["--threshold", THRESHOLD, "--frames", 2]
    with camera(jpegs) as url:
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
