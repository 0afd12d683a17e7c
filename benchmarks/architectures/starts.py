"""What each network begins with: the wide one narrowed and solved anew, or random weights; made once."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.architectures.candidates import Candidate
from edge_runtime.commands.console import say
from edge_runtime.errors import UsageError
from edge_runtime.files import read_json, sha256_bytes, sha256_file, write_bytes, write_json
from train.data.faces import FaceSet
from train.keras_quietly import keras, load_keras
from train.narrow.narrow import Narrowed, at_size, narrow, narrower
from train.narrow.repair import repair
from train.towers.beside import saved_bytes
from train.towers.dlib_resnet import DLIB_SHAPE, build_resnet, read_shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Wide:
    """The network that others are narrowed from.

    Attributes:
        path: Its ``.keras`` file.
        judges: Faces as it sees them, of people who are trained on, to choose channels by.
    """

    path: Path
    judges: FaceSet


def make_start(candidate: Candidate, wide: Wide | None, folder: Path, kept: Path) -> tuple[Path | None, float]:
    """The file that a network begins with.

    Args:
        candidate: The network.
        wide: What it is narrowed from.
        folder: Where its file goes.
        kept: Where narrowed networks are kept, which several sizes share.

    Returns:
        The ``.keras`` file, None for a tower of random weights; and the seconds of computing that it took.

    Raises:
        UsageError: There is no wide network, or the candidate is not one with fewer channels.
    """
    if candidate.tower:
        return None, 0.0
    path = folder / "start.keras"
    notes = path.with_suffix(".json")
    if path.is_file() and notes.is_file():
        return path, float(read_json(notes, what="the notes of a start")["cpu_seconds"])
    began = time.process_time()
    if candidate.inherited:
        if wide is None:
            raise UsageError(f"candidate {candidate.name} is narrowed: give --wide FILE and --wide-faces FOLDER.")
        tower, seconds = _narrowed(candidate, wide, kept)
    else:
        keras.utils.set_random_seed(0)
        shape = narrower(DLIB_SHAPE, streams=candidate.streams, inner=candidate.inner)
        tower, seconds = build_resnet(replace(shape, size_px=candidate.size_px)), time.process_time() - began
    write_bytes(path, saved_bytes(tower))
    write_json(notes, {"cpu_seconds": round(seconds, 1)})
    return path, seconds


def _narrowed(candidate: Candidate, wide: Wide, kept: Path) -> tuple[Any, float]:
    """The narrowed network at the candidate's size, and what narrowing took, be it now or before."""
    what = [candidate.streams, candidate.inner, sha256_file(wide.path), wide.judges.sha256]
    path = kept / f"{sha256_bytes(json.dumps(what).encode())[:16]}.keras"
    notes = path.with_suffix(".json")
    if not notes.is_file():
        say(f"{candidate.name}: narrowing …")
        began = time.process_time()
        network = load_keras(wide.path)
        wanted = narrower(read_shape(network), streams=candidate.streams, inner=candidate.inner)
        pixels: npt.NDArray[np.uint8] = np.asarray(wide.judges.pixels)
        made = narrow(network, wanted, pixels)
        repair(made, network, pixels)
        write_bytes(path, saved_bytes(made.tower))
        write_json(notes, {"cpu_seconds": round(time.process_time() - began, 1)})
    tower = load_keras(path)
    seconds = float(read_json(notes, what="the notes of a narrowed network")["cpu_seconds"])
    return at_size(Narrowed(tower=tower, shape=read_shape(tower), streams=[]), candidate.size_px), seconds
