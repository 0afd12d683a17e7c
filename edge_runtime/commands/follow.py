"""Decisions as they fall: said, drawn, recorded and shown."""

from __future__ import annotations

import argparse
import contextlib
import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from edge_runtime.commands.console import EXIT_FAULT, EXIT_OK, EXIT_REFUSED, emit, say
from edge_runtime.commands.outward import outward
from edge_runtime.decisions.decide import Decision, Outcome
from edge_runtime.decisions.observe import Observation
from edge_runtime.decisions.session import Step
from edge_runtime.decisions.visits import Standing
from edge_runtime.images import Image, write_image
from edge_runtime.overlay.describe import overlay_of
from edge_runtime.overlay.picture import draw_overlay
from edge_runtime.overlay.record import Recorder
from edge_runtime.overlay.window import show
from edge_runtime.sources.camera import Frame, FrameSource

# How long the last outcome is shown when nobody's face says it any more, in seconds of stream time.
_SHOWN_S = 2.5

Seen: TypeAlias = tuple[Frame, Observation, dict[int, Standing]]


def follow(
    options: argparse.Namespace, steps: Iterator[Step], source: FrameSource, *, threshold: float
) -> Decision | None:
    """Report each decision as it falls, here and outside; returns the last one.

    Args:
        options: What is asked for: words or JSON, pictures, a video, a window.
        steps: What comes of each frame.
        source: Where the frames come from.
        threshold: Lowest similarity that is accepted.
    """
    last: Decision | None = None
    numbers = itertools.count()
    # When the source ends, the decision comes without a face: it is drawn on the last frame that had one.
    pictured: Seen | None = None
    asked: str | None = None
    with _recorder(options, source) as recorder, outward(options) as told:
        for step in told(steps):
            asked = _ask(step.seen, asked)
            if step.event is not None and options.json:
                # Without JSON the log says it, on standard error.
                emit({"at": _now(), "event": step.event})
            if step.frame is not None and (step.seen.faces or pictured is None):
                pictured = step.frame, step.seen, step.standing
            for decision in step.decisions:
                last = decision
                report(decision, as_json=options.json)
                if options.annotate and pictured is not None:
                    _annotate(options.annotate, next(numbers), _drawn(pictured, decision, threshold), decision)
            if step.frame is None or (recorder is None and not options.window):
                continue
            shown = _standing_decision(step, last)
            picture = _drawn((step.frame, step.seen, step.standing), shown, threshold)
            if recorder is not None:
                recorder.add(picture, step.frame.time_s)
            if options.window and not show(picture, "siamlite"):
                break
    return last


def _drawn(seen: Seen, decision: Decision | None, threshold: float) -> Image:
    frame, observation, standing = seen
    return draw_overlay(frame.image_rgb, overlay_of(observation, standing, decision, threshold=threshold))


def _standing_decision(step: Step, last: Decision | None) -> Decision | None:
    """The decision that holds for whoever is in view; for a moment, the last one."""
    held = next((one.decision for one in step.standing.values() if one.decision is not None), None)
    if held is not None or last is None or step.frame is None:
        return held
    under_way = any(one.good_frames for one in step.standing.values())
    return None if under_way or step.frame.time_s - last.ended_s > _SHOWN_S else last


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")


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


def _ask(seen: Observation, before: str | None) -> str | None:
    """Say what whoever is before the camera is asked to do, once; returns what that is."""
    liveness = None if seen.subject is None else seen.subject.liveness
    prompt = None if liveness is None else liveness.prompt
    if liveness is not None and prompt is not None and prompt != before:
        say(liveness.advice)
    return prompt


def _annotate(folder: Path, number: int, picture: Image, decision: Decision) -> None:
    write_image(folder / f"{number:04d}-{decision.outcome.value}.jpg", picture)


def report(decision: Decision, *, as_json: bool) -> None:
    """Print a decision as a line of words or of JSON; the latter with the time of day that it fell at."""
    if as_json:
        emit({"at": _now(), **decision.to_dict()})
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
