"""Resident memory of this process over many frames of a video that is played in a loop."""

from __future__ import annotations

import argparse
import logging
import tempfile
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge_runtime.commands.console import EXIT_OK, EXIT_REFUSED, emit, end_status, say, status
from edge_runtime.errors import UsageError
from edge_runtime.sources.camera import Frame, LivePolicy, LiveSource, open_source
from edge_runtime.sources.opencv import OpenCvCapture

LIMIT_MB = 5.0
_ROUND = 500
_EVERY = 500


def main(arguments: argparse.Namespace) -> int:
    """Run it and print what came of it; exit code 1 if memory grew by more than the limit."""
    if not 0 < arguments.warm_up < arguments.frames:
        raise UsageError("the warm-up must be shorter than the run.")
    if not arguments.debug:
        logging.getLogger("edge_runtime.sources").setLevel(logging.ERROR)
    result = measure(arguments.through, frames=arguments.frames, warm_up=arguments.warm_up)
    if arguments.json:
        emit(result)
    else:
        say(f"{result['frames']} frames, {arguments.through}, {result['frames_per_s']} a second")
        words = f"resident: {result['warm_mb']} MB after {arguments.warm_up} frames, then {result['least_mb']} to"
        print(f"{words} {result['most_mb']} MB, {result['last_mb']} MB at the end; grew {result['grew_mb']} MB")
    return EXIT_OK if result["grew_mb"] <= LIMIT_MB else EXIT_REFUSED


def measure(through: str, *, frames: int, warm_up: int) -> dict[str, Any]:
    """Take so many frames and note the memory meanwhile.

    Args:
        through: ``"file"``, ``"live"`` or ``"pipeline"``.
        frames: How many.
        warm_up: How many before it counts.

    Returns:
        Resident memory in megabytes (10^6 bytes): after the warm-up, least, most and last after it, and how far the
        most is above that after the warm-up.
    """
    noted: list[float] = []
    warm = 0.0
    with tempfile.TemporaryDirectory() as folder:
        stream = _stream(through, Path(folder))
        begin_s, next_note, done = time.monotonic(), warm_up, 0
        while done < frames:
            done += next(stream)
            if done >= next_note:
                now = resident_mb()
                warm = warm or now
                noted.append(now)
                next_note += _EVERY
                status(f"{done} frames, {now:.1f} MB")
        end_status()
        elapsed_s = time.monotonic() - begin_s
        stream.close()
    return {
        "frames": done,
        "frames_per_s": round(done / elapsed_s),
        "warm_mb": round(warm, 2),
        "least_mb": round(min(noted), 2),
        "most_mb": round(max(noted), 2),
        "last_mb": round(noted[-1], 2),
        "grew_mb": round(max(noted) - warm, 2),
    }


def _stream(through: str, folder: Path) -> Generator[int, None, None]:
    if through == "pipeline":
        # It needs a tower, a detector and the AT&T faces; the others need OpenCV alone.
        from benchmarks.sources.pipeline import watched

        return watched(folder)
    video = _write_video(folder / "loop.avi")
    return _files(video) if through == "file" else _live(video)


def resident_mb() -> float:
    """Resident memory of this process in megabytes."""
    status_lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    kib = next(line.split()[1] for line in status_lines if line.startswith("VmRSS:"))
    return int(kib) * 1024 / 1e6


def _files(video: Path) -> Generator[int, None, None]:
    """Frames taken, one after the other, of a file that is opened again for each round."""
    while True:
        source = open_source(str(video))
        try:
            for _ in source:
                yield 1
        finally:
            source.close()


def _live(video: Path) -> Generator[int, None, None]:
    """Frames read by a live source since the last one that was taken; its camera ends with each round."""
    source = LiveSource(
        lambda: OpenCvCapture(cv2.VideoCapture(str(video), cv2.CAP_FFMPEG)),
        name="looped video",
        policy=LivePolicy(patience_s=None, retry_first_s=0.001, retry_max_s=0.002),
    )
    last = -1
    try:
        for moment in source.moments():
            if isinstance(moment, Frame):
                yield moment.index - last
                last = moment.index
    finally:
        source.close()


def _write_video(path: Path) -> Path:
    """A ball that crosses a picture of 320×240 px."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (320, 240))
    for number in range(_ROUND):
        image = np.full((240, 320, 3), 90, np.uint8)
        cv2.circle(image, (number % 320, 120), 30, (200, 160, 120), -1)
        writer.write(image)
    writer.release()
    return path
