"""Decisions as they fall: said, drawn and shown."""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator
from pathlib import Path

from edge_runtime.commands.console import EXIT_FAULT, EXIT_OK, EXIT_REFUSED, emit
from edge_runtime.commands.outward import outward
from edge_runtime.decisions.decide import Decision, Outcome
from edge_runtime.decisions.observe import Observation
from edge_runtime.decisions.overlay import draw, show
from edge_runtime.decisions.session import Step
from edge_runtime.images import Image, write_image
from edge_runtime.sources.camera import Frame


def follow(options: argparse.Namespace, steps: Iterator[Step]) -> Decision | None:
    """Report each decision as it falls, here and outside; returns the last one."""
    with outward(options) as told:
        return _follow(options, told(steps))


def _follow(options: argparse.Namespace, steps: Iterator[Step]) -> Decision | None:
    last: Decision | None = None
    standing: Decision | None = None
    numbers = itertools.count()
    # When the source ends, the decision comes without a face: it is drawn on the last frame that had one.
    pictured: tuple[Frame, Observation] | None = None
    for step in steps:
        if step.frame is not None and (step.seen.face is not None or pictured is None):
            pictured = step.frame, step.seen
        for decision in step.decisions:
            last = standing = decision
            _report(options, decision)
            if options.annotate and pictured is not None:
                picture = draw(pictured[0].image_rgb, pictured[1], decision)
                _annotate(options.annotate, next(numbers), picture, decision)
        if not step.decisions and step.seen.problem == "no-face":
            standing = None
        shown = None if step.frame is None else draw(step.frame.image_rgb, step.seen, standing)
        if options.show and shown is not None and not show(shown, "siamlite"):
            break
    return last


def _annotate(folder: Path, number: int, picture: Image, decision: Decision) -> None:
    write_image(folder / f"{number:04d}-{decision.outcome.value}.jpg", picture)


def _report(options: argparse.Namespace, decision: Decision) -> None:
    if options.json:
        emit(decision.to_dict())
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
