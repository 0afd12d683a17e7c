"""Network cameras of one's own on loopback, that can be stopped and started again: motion JPEG over HTTP, and RTSP."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType

# Debian's bindings of GStreamer belong to Debian's Python.
SYSTEM_PYTHON = Path("/usr/bin/python3")
RTSP_SCRIPT = Path(__file__).with_name("rtsp_server.py")
RTSP_PACKAGES = "gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-good python3-gi"


class HttpCamera:
    """Serves pictures in turn as motion JPEG, to each connection anew.

    Attributes:
        connections: How many were made so far.
        url: Where it is, with a password that nobody may see again.
    """

    def __init__(
        self, pictures: Sequence[bytes], *, count: int | None = None, every_s: float = 0.02, hang: bool = False
    ) -> None:
        """Start it on a free port.

        Args:
            pictures: JPEG files.
            count: Pictures for each connection; without end if None.
            every_s: Time between two.
            hang: Whether it falls silent after them and keeps the connection, or closes it.
        """
        self._pictures, self._count, self._every_s, self._hang = pictures, count, every_s, hang
        self.connections = 0
        self._port = 0
        self.start()

    def start(self) -> None:
        """Start it (again) on the same port."""
        self._stopped = threading.Event()
        server = ThreadingHTTPServer(("127.0.0.1", self._port), self._handler(self._stopped))
        server.daemon_threads = True
        self._server, self._port = server, int(server.server_address[1])
        self.url = f"http://ann:secret@127.0.0.1:{self._port}/door"
        self._thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close all connections and the port."""
        self._stopped.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def __enter__(self) -> HttpCamera:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _handler(self, stopped: threading.Event) -> type[BaseHTTPRequestHandler]:
        camera = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                camera.connections += 1
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                try:
                    camera._serve(self, stopped)
                except OSError:
                    return

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler

    def _serve(self, handler: BaseHTTPRequestHandler, stopped: threading.Event) -> None:
        number = 0
        while self._count is None or number < self._count:
            jpeg = self._pictures[number % len(self._pictures)]
            head = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(jpeg)
            handler.wfile.write(head + jpeg + b"\r\n")
            number += 1
            if stopped.wait(self._every_s):
                return
        if self._hang:
            stopped.wait()


class RtspCamera:
    """Debian's GStreamer RTSP server in a process of its own, with a moving test picture of 320×240 px.

    Attributes:
        url: Where it is, with a password that nobody may see again.
    """

    def __init__(self) -> None:
        """Start it on a free port."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = int(free.getsockname()[1])
        self.url = f"rtsp://ann:secret@127.0.0.1:{self._port}/door"
        self.start()

    def start(self) -> None:
        """Start it (again) on the same port, and wait until it listens.

        Raises:
            RuntimeError: It ended at once.
        """
        words = [str(SYSTEM_PYTHON), str(RTSP_SCRIPT), str(self._port)]
        self._process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self._process.stdout is not None
        if self._process.stdout.readline().strip() != "listening":
            raise RuntimeError("the RTSP server did not start")

    def stop(self) -> None:
        """Kill it, as a power cut would."""
        self._process.kill()
        self._process.communicate()

    def __enter__(self) -> RtspCamera:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


def rtsp_missing() -> str | None:
    """Why there can be no RTSP server here; None if there can."""
    try:
        ran = subprocess.run([SYSTEM_PYTHON, RTSP_SCRIPT, "--check"], capture_output=True, text=True, check=False)
    except OSError:
        return f"there is no {SYSTEM_PYTHON}"
    if ran.returncode == 0:
        return None
    last = (ran.stderr.strip().splitlines() or ["no word"])[-1]
    return f"no GStreamer RTSP server here ({last}); it comes with apt-get install {RTSP_PACKAGES}"
