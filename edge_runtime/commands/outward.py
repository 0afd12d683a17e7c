"""What comes of each frame, told on the way: to places outside, and to systemd."""

from __future__ import annotations

import argparse
import contextlib
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import FrameType
from typing import TypeAlias

from edge_runtime.decisions.session import Step
from edge_runtime.outside.outbox import Outbox
from edge_runtime.service.notify import Notifier

Telling: TypeAlias = Callable[[Iterable[Step]], Iterator[Step]]


@contextlib.contextmanager
def outward(options: argparse.Namespace) -> Iterator[Telling]:
    """Something that passes steps on as they are, and tells of them; at the end, what is under way is delivered.

    Args:
        options: ``events`` is the file that says who is told, or None.
    """
    with _orderly_end():
        outbox = _outbox(options.events)
        systemd = Notifier.from_environment()
        try:
            systemd.ready()
            yield lambda steps: _told(steps, outbox, systemd)
        finally:
            systemd.stopping()
            outbox.close()


@contextlib.contextmanager
def _orderly_end() -> Iterator[None]:
    """Let SIGTERM end the command as Ctrl-C does, unless somebody has seen to it: a pin must be switched off."""
    here = threading.current_thread() is threading.main_thread()
    if not here or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _outbox(file: Path | None) -> Outbox:
    if file is None:
        return Outbox()
    # Whoever tells nobody does without what the network needs.
    from edge_runtime.outside.open import open_outbox

    return open_outbox(file)


def _told(steps: Iterable[Step], outbox: Outbox, systemd: Notifier) -> Iterator[Step]:
    for step in steps:
        if step.frame is not None:
            # Only a frame feeds the watchdog: a camera that gives none for too long is a reason to start anew.
            systemd.alive()
        if step.event is not None:
            systemd.status(step.event)
            outbox.camera(step.event)
        for decision in step.decisions:
            outbox.decision(decision.to_dict())
        yield step
