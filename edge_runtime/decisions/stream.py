"""The moments of a source, one after the other, through a session."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from edge_runtime.decisions.observe import Observation
from edge_runtime.decisions.session import Session, Step
from edge_runtime.sources.camera import Frame


def run(session: Session, frames: Iterable[Frame], *, go_on: bool) -> Iterator[Step]:
    """Look at every moment of a source.

    Args:
        session: Looks at them.
        frames: The source.
        go_on: Whether a frame that cannot be looked at is a step with a ``fault`` (one for several in a row) instead of
            an error.

    Yields:
        What each moment gave and, after the last one, a step with the decisions that were open, if there are any.

    Raises:
        Exception: Whatever the source raises, and, unless ``go_on``, whatever looking at a frame does.
    """
    any_moment, failing = False, False
    last: Frame | None = None
    asked = time.perf_counter()
    for moment in _moments(frames):
        any_moment = True
        last = moment if isinstance(moment, Frame) else last
        step: Step | None
        try:
            step = _look(session, moment, asked)
            failing = False
        except Exception as error:  # Whatever it is, it must not become an acceptance.
            if not go_on:
                raise
            fault = _fault(session, moment, error)
            step, failing = None if failing else fault, True
        if step is not None:
            yield step
        asked = time.perf_counter()
    end = session.end() if any_moment else None
    if end is not None and end.decisions:
        yield replace(end, frame=last)


def in_words(error: Exception) -> str:
    """What is said of an error where its traceback is not shown."""
    return str(error) or type(error).__name__


def _moments(frames: Iterable[Frame]) -> Iterator[Any]:
    """The frames and, of a live source, the moments that pass without one, which have ``time_s`` and ``event``."""
    waiting = getattr(frames, "moments", None)
    return iter(frames) if waiting is None else iter(waiting())


def _look(session: Session, moment: Any, asked: float) -> Step:
    """One moment looked at; ``asked`` is when it was asked for, on the performance counter."""
    if isinstance(moment, Frame):
        return session.step(moment, grab_ms=(time.perf_counter() - asked) * 1e3)
    event = moment.event
    if event is None:
        return session.wait(moment.time_s)
    return session.wait(moment.time_s, event=event.words, broken=event.kind.breaks)


def _fault(session: Session, moment: Any, error: Exception) -> Step:
    """What broke, with what was seen before it forgotten."""
    seen = Observation(problem="fault", advice=in_words(error))
    frame = moment if isinstance(moment, Frame) else None
    return Step(frame=frame, seen=seen, decisions=(session.fault(in_words(error)),))
