"""What a peer is: a face system in an environment of its own, from a camera frame to a vector.

A peer is one file in ``benchmarks/peers/systems`` that names :data:`PEER`. The lead process reads it for what must be
installed and fetched; only the worker process, which runs in the peer's environment, calls its ``load``. So the file
imports this module alone at its top, and its libraries inside ``load``. Everything here works without OpenCV.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import UsageError

COSINE, EUCLIDEAN = "cosine", "euclidean"
DETECT, ALIGN, EMBED = "detect", "align", "embed"
STAGES = (DETECT, ALIGN, EMBED)
SIAMLITE = "siamlite"


class Stopwatch:
    """Time of each stage of one frame, on the wall and of the processor."""

    def __init__(self) -> None:
        self.wall_ms: dict[str, float] = {}
        self.cpu_ms: dict[str, float] = {}
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def lap(self, stage: str) -> None:
        """The stage ends now; it began when the one before it ended."""
        wall, cpu = time.perf_counter(), time.process_time()
        self.wall_ms[stage] = (wall - self._wall) * 1e3
        self.cpu_ms[stage] = (cpu - self._cpu) * 1e3
        self._wall, self._cpu = wall, cpu


class Pipeline(Protocol):
    """A loaded peer."""

    def embed(self, frame_bgr: npt.NDArray[np.uint8], watch: Stopwatch) -> npt.NDArray[np.floating] | None:
        """Find the largest face of a frame, align it and embed it.

        Args:
            frame_bgr: uint8 of shape (height, width, 3).
            watch: Is told when each of :data:`STAGES` ends.

        Returns:
            The vector, of shape (d,); None if no face was found.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A face system to compare.

    Attributes:
        name: What the command line and the result call it: its file's name, or what the user called a file.
        title: What a reader calls it.
        parts: Its detector, its alignment, its network and the interpreter, in one line.
        licence: Of its code and its weights, and where the weights are from.
        requirements: What pip installs into its environment.
        weights: Names of the files that it needs (see :mod:`benchmarks.peers.weights`).
        load: Makes the pipeline from these files.
        metric: How two of its vectors are compared.
        settings: What else ``load`` is given.
        module: File of :mod:`benchmarks.peers.systems` that it is in; its name by default.
    """

    name: str
    title: str
    parts: str
    licence: str
    requirements: tuple[str, ...]
    weights: tuple[str, ...]
    load: Callable[[Mapping[str, Path], Mapping[str, Any]], Pipeline]
    metric: str = COSINE
    settings: Mapping[str, Any] = field(default_factory=dict)
    module: str = ""

    def __post_init__(self) -> None:
        """Refuse what could not be compared or installed."""
        if self.metric not in (COSINE, EUCLIDEAN):
            raise UsageError(f"peer {self.name!r}: the metric is {COSINE} or {EUCLIDEAN}, not {self.metric!r}.")
        if not self.name.replace("-", "_").isidentifier():
            raise UsageError(f"a peer is called by letters, digits, - and _, not {self.name!r}.")

    @property
    def home(self) -> str:
        """The file of :mod:`benchmarks.peers.systems` that it is in."""
        return self.module or self.name


def known_peers() -> dict[str, Peer]:
    """The peers that have a file of their own, siamlite first."""
    package = import_module("benchmarks.peers.systems")
    names = sorted(info.name for info in iter_modules(package.__path__))
    held = [getattr(import_module(f"{package.__name__}.{name}"), "PEER", None) for name in names]
    peers = {peer.name: peer for peer in held if isinstance(peer, Peer)}
    return {SIAMLITE: peers.pop(SIAMLITE), **peers}


def peer_in(module: str) -> Peer:
    """The peer of a file, for the worker.

    Raises:
        UsageError: There is no such file.
    """
    try:
        peer: Peer = import_module(f"benchmarks.peers.systems.{module}").PEER
    except ModuleNotFoundError as error:
        raise UsageError(f"there is no peer {module!r} in benchmarks/peers/systems.") from error
    return peer
