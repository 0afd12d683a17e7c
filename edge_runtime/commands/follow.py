"""Decisions as they fall: said, drawn, recorded and shown."""

from __future__ import annotations

import argparse
import contextlib
import itertools
import time
from collections.abc import Iterator
from pathlib import Path

from edge_runtime.commands.console import EXIT_FAULT, EXIT_OK, EXIT_REFUSED, emit, say
from edge_runtime.decisions.decide import Decision, Outcome
from edge_runtime.decisions.verifier import Observation, Step, Verifier
from edge_runtime.images import Image, write_image
from edge_runtime.overlay.describe import overlay_of
from edge_runtime.overlay.picture import draw_overlay
from edge_runtime.overlay.record import Recorder
from edge_runtime.overlay.window import show
from edge_runtime.sources.camera import Frame, FrameSource


def follow(
    options: argparse.Namespace, verifier: Verifier, source: FrameSource, steps: Iterator[Step]
) -> Decision | None:
    """Report each decision as it falls; returns the last one."""
    last: Decision | None = None
    standing: Decision | None = None
    numbers = itertools.count()
    # When the source ends, the decision comes without a face: it is drawn on the last frame that had one.
    pictured: tuple[Frame, Observation] | None = None
    with _recorder(options, source) as recorder:
        for frame, seen, decision in steps:
            if seen.face is not None or pictured is None:
                pictured = frame, seen
            if decision is not None:
                last = standing = decision
                report(decision, as_json=options.json)
                if options.annotate:
                    picture = draw_overlay(pictured[0].image_rgb, overlay_of(verifier, pictured[1], decision))
                    _annotate(options.annotate, next(numbers), picture, decision)
            elif seen.problem == "no-face":
                standing = None
            if recorder is not None or options.window:
                picture = draw_overlay(frame.image_rgb, overlay_of(verifier, seen, standing))
                if recorder is not None:
                    recorder.add(picture, frame.time_s)
                if options.window and not show(picture, "siamlite"):
                    break
    return last


@contextlib.contextmanager
def _recorder(options: argparse.Namespace, source: FrameSource) -> Iterator[Recorder | None]:
    """The video that is asked for; it is ended, and said to be there, even after an interrupt."""
    if options.save_video is None:
        yield None
        return
    rate = float(getattr(source, "frames_per_s", 15.0))
    recorder = Recorder(options.save_video, frames_per_s=rate, force=options.force)
    try:
        yield recorder
    finally:
        path = recorder.close()
        say("no frame, no video" if path is None else f"video: {path}")


def _annotate(folder: Path, number: int, picture: Image, decision: Decision) -> None:
    write_image(folder / f"{number:04d}-{decision.outcome.value}.jpg", picture)


def report(decision: Decision, *, as_json: bool) -> None:
    """Print a decision as a line of words or of JSON; the latter with the time of day that it fell at."""
    if as_json:
        emit({"at": time.strftime("%Y-%m-%dT%H:%M:%S%z"), **decision.to_dict()})
        return
    who = decision.person or decision.claimed or decision.nearest or ""
    words = [decision.outcome.value, who]
    if decision.similarity is not None:
        words.append(f"similarity {decision.similarity:.3f} (needs {decision.threshold:.3f})")
    words.append(f"from {decision.good_frames} of {decision.frames} frames")
    if decision.reason not in ("match", "below-threshold"):
        words.append(f"[{decision.reason}{': ' + decision.advice if decision.advice else ''}]")
    print(" ".join(word for word in words if word), flush=True)


def exit_code(decision: Decision) -> int:
    """What the command ends with."""
    if decision.accepted:
        return EXIT_OK
    return EXIT_FAULT if decision.outcome is Outcome.FAULT else EXIT_REFUSED
