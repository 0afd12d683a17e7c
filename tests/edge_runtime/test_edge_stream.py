"""A live source over HTTP: frames come, stop coming, or end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from edge_helpers import GENUINE, THRESHOLD, Command, scene

from edge_runtime.errors import SourceError
from edge_runtime.images import encode_image
from edge_runtime.sources.camera import LiveSource, open_source


class MotionJpeg:
    """A camera with a web server: so many pictures, then silence or the end."""

    def __init__(self, jpeg: bytes, *, count: int, every_s: float, stall: bool) -> None:
        self.done = threading.Event()
        camera = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                part = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(jpeg)
                try:
                    for _ in range(count):
                        self.wfile.write(part + jpeg + b"\r\n")
                        if camera.done.wait(every_s):
                            return
                    if stall:
                        camera.done.wait()
                except OSError:
                    return

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://ann:secret@127.0.0.1:{self.server.server_address[1]}/video"


@contextmanager
def serving(jpeg: bytes, *, count: int, every_s: float = 0.03, stall: bool = False) -> Iterator[str]:
    camera = MotionJpeg(jpeg, count=count, every_s=every_s, stall=stall)
    thread = threading.Thread(target=camera.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield camera.url
    finally:
        camera.done.set()
        camera.server.shutdown()
        thread.join()
        camera.server.server_close()


@pytest.fixture(scope="module")
def jpeg(att_faces: Path) -> bytes:
    return encode_image(scene(att_faces / GENUINE / "8.pgm"), ".jpg")


@pytest.mark.parametrize("stall", [True, False], ids=["stalls", "ends"])
def test_a_stream_gives_frames_until_it_fails(stall: bool, jpeg: bytes) -> None:
    with serving(jpeg, count=25, stall=stall) as url:
        source = open_source(url, stall_s=2)
        assert isinstance(source, LiveSource)
        assert source.live
        seen = []
        with pytest.raises(SourceError) as failure:
            seen.extend(iter_into(seen, source))
        source.close()
    assert seen
    assert [f.index for f in seen] == sorted({f.index for f in seen})
    assert [f.time_s for f in seen] == sorted(f.time_s for f in seen)
    assert seen[0].image_rgb.shape == (240, 320, 3)
    assert "secret" not in str(failure.value)
    assert "…@127.0.0.1" in str(failure.value)
    assert ("gave no frame" in str(failure.value) or "ended" in str(failure.value)) if stall else (
        "ended" in str(failure.value)
    )  # fmt: skip


def iter_into(seen: list, source: LiveSource) -> list:
    for frame in source:
        seen.append(frame)
    return []


def test_a_slow_reader_gets_the_newest_frame(jpeg: bytes) -> None:
    with serving(jpeg, count=60, every_s=0.02) as url:
        source = open_source(url, stall_s=2)
        frames = iter(source)
        first = next(frames)
        threading.Event().wait(0.5)
        second = next(frames)
        source.close()
    assert second.index > first.index + 1


def test_a_closed_source_ends(jpeg: bytes) -> None:
    with serving(jpeg, count=200, every_s=0.02) as url:
        source = open_source(url, stall_s=2)
        next(iter(source))
        source.close()
        assert len(list(source)) <= 1


def test_a_person_is_verified_over_the_network(
    jpeg: bytes, siamlite: Command, gallery_path: Path, tiny_tower_path: Path
) -> None:
    options = ["--tower", tiny_tower_path, "--gallery", gallery_path, "--threshold", THRESHOLD, "--frames", 2]
    with serving(jpeg, count=400) as url:
        code, out, err = siamlite("verify", GENUINE, "--source", url, *options)
    assert (code, err) == (0, "")
    assert out.startswith(f"accepted {GENUINE} similarity 0.")
    with serving(jpeg, count=25) as url:
        line = siamlite.fails(3, "verify", GENUINE, "--source", url, *options[:-1], 50)
    assert "ended" in line
    assert "secret" not in line


def test_enrolment_from_a_stream_does_not_print_the_password(
    jpeg: bytes, siamlite: Command, tmp_path: Path, tiny_tower_path: Path
) -> None:
    options = ["--tower", tiny_tower_path, "--gallery", tmp_path / "g.db", "--samples", 2]
    with serving(jpeg, count=400) as url:
        code, out, err = siamlite("enroll", "Ann", "--source", url, *options)
    assert code == 0, err
    assert "enrolled Ann with 2 samples" in err
    assert "secret" not in out + err
