"""Any ``.tflite`` or ``.onnx`` embedding file, by path: ``--file NAME=PATH,template=arcface,mean=127.5,scale=128``."""

from __future__ import annotations

from pathlib import Path

from benchmarks.peers.aligned import LITERT, ONNX, file_peer
from benchmarks.peers.protocol import Peer
from edge_runtime.errors import UsageError

_DEFAULTS: dict[str, str | float] = {"template": "arcface", "mean": 127.5, "scale": 127.5, "colour": "rgb"}


def parse_file(text: str) -> tuple[Peer, Path]:
    """What ``--file`` names: the peer, and its file.

    Raises:
        UsageError: It is written otherwise.
    """
    head, *rest = text.split(",")
    name, mark, path = head.partition("=")
    settings = dict(_DEFAULTS)
    try:
        for part in rest:
            key, _, value = part.partition("=")
            settings[key] = value if isinstance(settings[key], str) else float(value)
    except (KeyError, ValueError) as error:
        raise UsageError(
            f"--file {text}: {part} is none of {', '.join(f'{key}={value}' for key, value in _DEFAULTS.items())}."
        ) from error
    if not (mark and name and Path(path).suffix in (".tflite", ".onnx")):
        raise UsageError(f"--file {text}: NAME=PATH of a .tflite or .onnx file is needed.")
    peer = file_peer(
        name=name,
        title=name,
        network=Path(path).name,
        licence="not known: a file given by path",
        runtime=LITERT if path.endswith(".tflite") else ONNX,
        settings=settings,
        # Loading is the same for all files.
        module="mobilefacenet",
    )
    return peer, Path(path)
