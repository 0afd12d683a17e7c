"""A network camera that is stopped and started again many times: is each loss reported, and do the frames go on?"""

from __future__ import annotations

import argparse
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np

from benchmarks.sources.cameras import HttpCamera, RtspCamera, rtsp_missing
from edge_runtime.commands.console import EXIT_OK, EXIT_REFUSED, emit, say
from edge_runtime.errors import MissingDependency
from edge_runtime.images import encode_image
from edge_runtime.sources.camera import EventKind, Frame, LivePolicy, Moment, Wait, open_source

_POLICY = LivePolicy(stall_s=2, patience_s=None, retry_first_s=0.05, retry_max_s=0.5, healthy_s=0.2)
_GONE = (EventKind.LOST, EventKind.STALLED)
_LIMIT_S = 60.0


def main(arguments: argparse.Namespace) -> int:
    """Run it and print what came of it."""
    if not arguments.debug:
        logging.getLogger("edge_runtime.sources").setLevel(logging.ERROR)
    result = pull(arguments.camera, arguments.times)
    if arguments.json:
        emit(result)
    else:
        say(f"{arguments.camera} camera, stopped and started again {result['deaths']} times: {result['events']}")
        print(f"losses reported: {result['losses']} of {result['deaths']}; none fatal: {result['survived']}")
        print(f"frame after a restart: median {result['back_median_s']} s, p95 {result['back_p95_s']} s")
    return EXIT_OK if result["survived"] and result["losses"] == result["deaths"] else EXIT_REFUSED


def pull(kind: str, times: int) -> dict[str, Any]:
    """Stop and start a camera ``times`` times while its frames are taken.

    Raises:
        MissingDependency: There is no RTSP server here.
    """
    missing = rtsp_missing() if kind == "rtsp" else None
    if missing is not None:
        raise MissingDependency(missing)
    events: Counter[str] = Counter()
    back_s: list[float] = []
    with RtspCamera() if kind == "rtsp" else HttpCamera(_jpegs()) as camera:
        source = open_source(camera.url, live=_POLICY)
        stream = source.moments(0.05)
        try:
            survived = _until(stream, lambda moment: isinstance(moment, Frame), events)
            for _ in range(times):
                camera.stop()
                survived = survived and _until(stream, lambda moment: _kind(moment) in _GONE, events)
                camera.start()
                start_s = time.monotonic()
                survived = survived and _until(stream, lambda moment: isinstance(moment, Frame), events)
                back_s.append(time.monotonic() - start_s)
        finally:
            source.close()
    return {
        "deaths": times,
        "losses": sum(events[gone.value] for gone in _GONE),
        "survived": survived,
        "events": dict(events),
        "back_median_s": round(float(np.median(back_s)), 2),
        "back_p95_s": round(float(np.percentile(back_s, 95)), 2),
    }


def _until(stream: Iterator[Moment], wanted: Callable[[Moment], bool], events: Counter[str]) -> bool:
    """Take moments up to the one that is wanted; False if it does not come."""
    end_s = time.monotonic() + _LIMIT_S
    for moment in stream:
        kind = _kind(moment)
        if kind is not None:
            events[kind.value] += 1
        if wanted(moment):
            return True
        if time.monotonic() > end_s:
            break
    return False


def _kind(moment: Moment) -> EventKind | None:
    return moment.event.kind if isinstance(moment, Wait) and moment.event is not None else None


def _jpegs() -> list[bytes]:
    """Drawn pictures of 320×240 px that differ from each other."""
    pictures = []
    for number in range(16):
        image = np.full((240, 320, 3), 90, np.uint8)
        cv2.circle(image, (20 * number, 120), 30, (200, 160, 120), -1)
        pictures.append(encode_image(image, ".jpg"))
    return pictures
