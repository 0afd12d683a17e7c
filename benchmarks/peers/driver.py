"""A peer's process, as the lead process sees it; and how several take turns."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.peers.protocol import Peer
from edge_runtime.errors import SiamliteError

ROOT = Path(__file__).resolve().parents[2]
_MODULE = "benchmarks.peers.worker"
_TIMEOUT_S = 300.0
_LONGEST_ANSWER = 2**24
# One thread each, whatever a library computes with.
_ONE_THREAD = ("OMP", "MKL", "OPENBLAS", "NUMEXPR", "VECLIB", "BLIS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A peer that can be started.

    Attributes:
        peer: What it is.
        python: Of its environment.
        weights: Its files by name.
    """

    peer: Peer
    python: Path
    weights: Mapping[str, Path]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a peer made of a frame.

    Attributes:
        vector: float32 of shape (d,); None if it found no face.
        wall_ms: Time of each stage.
        cpu_ms: Processor time of each stage.
        cpu_s: Processor time of the process so far.
        peak_bytes: The most memory that it had resident so far.
    """

    vector: npt.NDArray[np.float32] | None
    wall_ms: dict[str, float]
    cpu_ms: dict[str, float]
    cpu_s: float
    peak_bytes: int | None


class Worker:
    """A running peer; a context, at whose end it is stopped."""

    def __init__(self, ready: Ready, *, timeout_s: float = _TIMEOUT_S) -> None:
        """Start it; :meth:`wait_ready` says when it has loaded.

        Raises:
            SiamliteError: Its Python cannot be started.
        """
        self.name = ready.peer.name
        self.started_s = time.monotonic()
        self._timeout_s, self._held = timeout_s, b""
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process, see __exit__
        asked = {
            "weights": {name: str(path) for name, path in ready.weights.items()},
            "settings": dict(ready.peer.settings),
        }
        try:
            self._process = subprocess.Popen(
                [str(ready.python), "-m", _MODULE, ready.peer.home, json.dumps(asked)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said, cwd=ROOT, bufsize=0,
                env=_environment(),
            )  # fmt: skip
        except OSError as error:
            self._said.close()
            raise SiamliteError(f"{self.name}: {ready.python} cannot be started: {error.strerror}.") from error

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._said.close()

    def wait_ready(self) -> None:
        """Wait until it has loaded.

        Raises:
            SiamliteError: It failed, or took too long.
        """
        self._read()

    def look(self, frame_bgr: npt.NDArray[np.uint8]) -> Look:
        """Give it a frame.

        Args:
            frame_bgr: uint8 of shape (height, width, 3).

        Raises:
            SiamliteError: It failed, or took too long.
        """
        head = {"rows": frame_bgr.shape[0], "columns": frame_bgr.shape[1]}
        self._write(json.dumps(head).encode() + b"\n" + frame_bgr.tobytes())
        answer = self._read()
        row = answer["vector"]
        return Look(
            vector=None if row is None else np.array(row, dtype=np.float32),
            wall_ms=answer["wall_ms"],
            cpu_ms=answer["cpu_ms"],
            cpu_s=answer["cpu_s"],
            peak_bytes=answer["peak_bytes"],
        )

    def cost(self) -> dict[str, Any]:
        """What it has taken so far, and the versions of what is installed beside it.

        Raises:
            SiamliteError: It failed, or took too long.
        """
        self._write(b'{"ask": "cost"}\n')
        return self._read()

    def _write(self, data: bytes) -> None:
        assert self._process.stdin is not None
        view = memoryview(data)
        try:
            while view:
                view = view[self._process.stdin.write(view) :]
        except OSError:
            # It is gone: what it said last is in what is read next.
            return

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        deadline = time.monotonic() + self._timeout_s
        while b"\n" not in self._held:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._process.stdout], [], [], left)[0]:
                raise SiamliteError(f"{self.name} did not answer within {self._timeout_s:g} s.")
            more = os.read(self._process.stdout.fileno(), 1 << 20)
            if not more or len(self._held) > _LONGEST_ANSWER:
                raise SiamliteError(f"{self.name} died{self._last_words()}.")
            self._held += more
        line, _, self._held = self._held.partition(b"\n")
        try:
            answer: dict[str, Any] = json.loads(line)
        except ValueError as error:
            raise SiamliteError(f"{self.name} answered {line[:80]!r}, which is no JSON.") from error
        if "error" in answer:
            raise SiamliteError(f"{self.name} failed: {answer['error']}")
        return answer

    def _last_words(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5)
        self._said.seek(0)
        lines = self._said.read()[-4000:].decode(errors="replace").split("\n")
        words = next((line.strip() for line in reversed(lines) if line.strip()), "")
        code = self._process.returncode
        ended = f" (signal {-code})" if code is not None and code < 0 else ""
        return f"{ended}: {words[:200]}" if words else ended


def _environment() -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if name != "PYTHONHOME"},
        **{f"{library}_NUM_THREADS": "1" for library in _ONE_THREAD},
        "PYTHONPATH": str(ROOT),
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }


def take_turns(workers: Sequence[Worker], frames: Iterator[npt.NDArray[np.uint8]]) -> Iterator[list[Look]]:
    """Each frame goes to every worker, one after the other, so that what else the machine does hits all alike.

    Raises:
        SiamliteError: A worker failed.
    """
    for frame_bgr in frames:
        yield [worker.look(frame_bgr) for worker in workers]
