"""A live source: the newest frame, what happens to it, and an answer when there is none."""

from __future__ import annotations

import itertools
import logging
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest
from edge_helpers import LAW, ROOT
from hypothesis import given
from hypothesis import strategies as st
from test_edge_camera import write_video

from edge_runtime.errors import MissingDependency, SourceError, UsageError
from edge_runtime.images import Image
from edge_runtime.sources.backoff import Backoff
from edge_runtime.sources.camera import (
    EventKind,
    Frame,
    LivePolicy,
    LiveSource,
    Moment,
    SourceEvent,
    SourceOptions,
    Wait,
    moments,
    open_source,
)
from edge_runtime.sources.opencv import OpenCvCapture

QUICK = LivePolicy(open_s=30, stall_s=30, retry_first_s=0.001, retry_max_s=0.002, patience_s=30)


def picture(number: int, *, level: int = 100) -> Image:
    image = np.full((24, 32, 3), level, np.uint8)
    image[:2, :2] = number % 256, number // 256 % 256, 0
    return image


class Script:
    """A camera that does what it is told: gives a picture, waits for an event, or ends with the list."""

    def __init__(self, steps: list[Image | threading.Event]) -> None:
        self._steps = iter(steps)
        self.closed = threading.Event()
        self.hangs = False

    def grab(self) -> bool:
        for step in self._steps:
            if isinstance(step, threading.Event):
                self.hangs = True
                step.wait()
                self.hangs = False
                continue
            self._image = step
            return True
        return False

    def image(self) -> Image | None:
        return self._image

    def close(self) -> None:
        self.closed.set()


@contextmanager
def live(
    opener: Callable[[], Script | OpenCvCapture], policy: LivePolicy = QUICK, **more: object
) -> Iterator[LiveSource]:
    source = LiveSource(opener, name="test camera", policy=policy, **more)  # type: ignore[arg-type]
    try:
        yield source
    finally:
        source.close()


def until(source: LiveSource, wanted: Callable[[Moment], bool], *, tick_s: float = 0.05) -> list[Moment]:
    """What a source gives up to the first moment that is wanted."""
    seen: list[Moment] = []
    for moment in source.moments(tick_s):
        seen.append(moment)
        if wanted(moment):
            return seen
        assert len(seen) < 2000, kinds(seen)
    raise AssertionError(kinds(seen))


def kinds(seen: list[Moment]) -> list[EventKind]:
    return [m.event.kind for m in seen if isinstance(m, Wait) and m.event is not None]


def is_event(kind: EventKind) -> Callable[[Moment], bool]:
    return lambda moment: isinstance(moment, Wait) and moment.event is not None and moment.event.kind is kind


def test_the_newest_frame_is_kept_and_older_ones_are_dropped() -> None:
    go, never = threading.Event(), threading.Event()
    with live(lambda: Script([picture(0), go, *map(picture, range(1, 50)), never])) as source:
        first = until(source, lambda moment: isinstance(moment, Frame))[-1]
        until(source, lambda moment: moment == Wait(time_s=moment.time_s))
        go.set()
        taken = [moment for moment in until(source, lambda moment: is_number(moment, 49)) if isinstance(moment, Frame)]
        never.set()
    assert isinstance(first, Frame)
    assert first.index == 0
    assert [frame.index for frame in taken] == sorted({frame.index for frame in taken})
    assert taken[-1].index == 49


def is_number(moment: Moment, number: int) -> bool:
    return isinstance(moment, Frame) and int(moment.image_rgb[0, 0, 0]) == number


def test_a_camera_that_never_gives_a_frame_does_not_hold_anybody_up() -> None:
    """Its read never returns: the deadline fires all the same, it is reported, and closing does not hang."""
    never = threading.Event()
    policy = LivePolicy(stall_s=0.05, patience_s=0.3, retry_first_s=0.01, retry_max_s=0.01)
    told: list[SourceEvent] = []
    with live(lambda: Script([never]), policy, on_event=told.append) as source:
        seen = until(source, is_event(EventKind.STUCK))
        assert kinds(seen)[:2] == [EventKind.STALLED, EventKind.STUCK]
        assert not any(isinstance(moment, Frame) for moment in seen)
        assert [m.time_s for m in seen] == sorted(m.time_s for m in seen)
        with pytest.raises(SourceError, match=r"test camera gave no frame for 0.3 s \(.*\)\. Is it still there"):
            next(iter(source))
    assert list(source) == []
    never.set()
    assert {event.kind for event in told} >= {EventKind.STALLED, EventKind.STUCK}


def test_attempts_that_hang_are_few() -> None:
    never = threading.Event()
    opened: list[Script] = []

    def opener() -> Script:
        opened.append(Script([never]))
        return opened[-1]

    policy = LivePolicy(stall_s=0.05, retry_first_s=0.001, retry_max_s=0.002)
    with live(opener, policy) as source:
        stream = source.moments(0.01)
        # As long as three hang there is no fourth attempt; once they come back there is.
        for _ in itertools.takewhile(lambda _: sum(script.hangs for script in opened) < 3, stream):
            pass
        for _ in range(60):
            next(stream)
            assert sum(script.hangs for script in opened) == 3
        held = [script for script in opened if script.hangs]
        never.set()
        until(source, is_event(EventKind.LOST))
        assert all(script.closed.wait(30) for script in held)


def _ticks(source: LiveSource, count: int) -> list[Moment]:
    stream = source.moments(0.01)
    return [next(stream) for _ in range(count)]


def test_an_opening_that_never_returns_is_an_error_in_time() -> None:
    never = threading.Event()

    def opener() -> Script:
        never.wait()
        return Script([])

    with pytest.raises(SourceError, match=r"cannot be opened: it did not open within 0.05 s"):
        LiveSource(opener, name="test camera", policy=LivePolicy(open_s=0.05))
    never.set()


def test_it_dies_and_returns_a_hundred_times(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    video = write_video(tmp_path / "v.avi", [picture(n) for n in range(5)])
    before = set(threading.enumerate())
    told: list[SourceEvent] = []
    with (
        caplog.at_level(logging.INFO),
        live(lambda: OpenCvCapture(cv2.VideoCapture(str(video), cv2.CAP_FFMPEG)), on_event=told.append) as source,
    ):
        seen: list[Moment] = []
        for _ in range(100):
            seen += until(source, is_event(EventKind.LOST))
        seen += until(source, is_event(EventKind.RECOVERED))
    happened = kinds(seen)
    assert happened.count(EventKind.LOST) == 100
    assert happened == [EventKind.OPENED, EventKind.LOST] + 99 * [EventKind.RECOVERED, EventKind.LOST] + [
        EventKind.RECOVERED
    ]
    assert [event.kind for event in told][: len(happened)] == happened
    assert [m.time_s for m in seen] == sorted(m.time_s for m in seen)
    warned = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert sum("test camera lost: ended after 5 pictures" in record.message for record in warned) >= 100
    for thread in set(threading.enumerate()) - before:
        thread.join(30)
        assert not thread.is_alive()


def test_a_frozen_picture_is_reported_withheld_and_opened_again() -> None:
    """Somebody who was accepted must not be accepted again by a picture that stands still."""
    end = threading.Event()
    still = [picture(7)] * 400

    class Paced(Script):
        def grab(self) -> bool:
            return not end.wait(0.005) and super().grab()

    scripts = iter([Paced([picture(1), *still]), Paced(still), Paced([picture(2), picture(3), end])])
    policy = LivePolicy(stall_s=30, frozen_s=0.2, retry_first_s=0.001, retry_max_s=0.001)
    with live(lambda: next(scripts), policy) as source:
        before = until(source, is_event(EventKind.FROZEN))
        after = until(source, is_event(EventKind.RECOVERED))
        moving = until(source, lambda moment: isinstance(moment, Frame))[-1]
        end.set()
    assert kinds(before) == [EventKind.OPENED, EventKind.FROZEN]
    assert before[-1].event.detail == "the very same picture for 0.2 s"  # type: ignore[union-attr]
    # The second opening gives the same picture: not one frame of it is shown, and it is given up as well.
    assert not any(isinstance(moment, Frame) for moment in after)
    assert kinds(after) == [EventKind.FROZEN, EventKind.RECOVERED]
    assert isinstance(moving, Frame)
    assert not is_number(moving, 7)


def test_a_black_picture_is_reported_once_and_its_end_too() -> None:
    dark, light = threading.Event(), threading.Event()
    noise = np.random.default_rng(0)

    def night() -> Image:
        return noise.integers(0, 6, (24, 32, 3), dtype=np.uint8)

    steps = [picture(1), dark, night(), light, night(), night(), picture(2)]
    with live(lambda: Script([*steps, threading.Event()]), LivePolicy(stall_s=30, black_s=0.05)) as source:
        until(source, lambda moment: is_number(moment, 1))
        dark.set()
        until(source, lambda moment: isinstance(moment, Frame))
        _ticks(source, 10)
        light.set()
        seen = until(source, lambda moment: is_number(moment, 2))
    assert kinds(seen) == [EventKind.BLACK, EventKind.RECOVERED]
    assert not EventKind.BLACK.breaks
    assert EventKind.LOST.breaks


def test_a_camera_that_is_not_there_is_an_error_or_is_waited_for() -> None:
    tries = []

    def opener() -> Script:
        tries.append(1)
        if len(tries) < 4:
            raise SourceError("is it plugged in?")
        return Script([picture(1), threading.Event()])

    with pytest.raises(SourceError, match=r"test camera cannot be opened: is it plugged in\?"):
        LiveSource(opener, name="test camera", policy=QUICK)
    patient = LivePolicy(patience_s=None, retry_first_s=0.001, retry_max_s=0.002)
    with live(opener, patient) as source:
        seen = until(source, lambda moment: isinstance(moment, Frame))
    assert kinds(seen) == [EventKind.UNREACHABLE, EventKind.UNREACHABLE, EventKind.OPENED]


def test_a_library_that_is_missing_is_not_waited_for() -> None:
    def opener() -> Script:
        raise MissingDependency("picamera2 is not installed")

    with pytest.raises(MissingDependency, match="picamera2"):
        LiveSource(opener, name="test camera", policy=LivePolicy(patience_s=None))


def test_whatever_a_library_raises_is_a_loss_and_no_end() -> None:
    class Broken(Script):
        def grab(self) -> bool:
            raise ZeroDivisionError

        def close(self) -> None:
            raise OSError("cannot close")

    scripts = iter([Broken([]), Script([picture(3), threading.Event()])])
    with live(lambda: next(scripts)) as source:
        seen = until(source, lambda moment: isinstance(moment, Frame))
    assert kinds(seen) == [EventKind.LOST, EventKind.OPENED]


def test_pictures_that_cannot_be_decoded_are_left_out() -> None:
    class Damaged(Script):
        count = 0

        def image(self) -> Image | None:
            self.count += 1
            return None if self.count % 2 else super().image()

    with live(lambda: Damaged([picture(n) for n in range(4)] + [threading.Event()])) as source:  # type: ignore[operator]
        until(source, lambda moment: is_number(moment, 3))


def test_a_listener_that_fails_does_not_stop_the_camera(caplog: pytest.LogCaptureFixture) -> None:
    def listener(event: SourceEvent) -> None:
        raise ZeroDivisionError

    with live(lambda: Script([picture(1), threading.Event()]), on_event=listener) as source:
        until(source, lambda moment: isinstance(moment, Frame))
    assert "the listener for events of test camera failed" in caplog.text


def test_a_listener_may_close_the_source() -> None:
    closed = threading.Event()

    def listener(event: SourceEvent) -> None:
        if event.kind is EventKind.LOST:
            source.close()
            closed.set()

    source = LiveSource(lambda: Script([picture(1)]), name="test camera", policy=QUICK, on_event=listener)
    assert closed.wait(30)
    assert list(source) == []


def test_the_rate_is_at_most_what_was_asked_for() -> None:
    script = Script([*map(picture, range(250)), threading.Event()])
    with live(lambda: script, options=SourceOptions(frames_per_s=0.5)) as source:
        seen = until(source, lambda moment: isinstance(moment, Frame))
        seen += _ticks(source, 20)
    assert sum(isinstance(moment, Frame) for moment in seen) == 1


def test_a_process_ends_although_a_read_hangs() -> None:
    code = (
        "import socket\n"
        "from edge_runtime.errors import SourceError\n"
        "from edge_runtime.sources.camera import LivePolicy, open_source\n"
        "silent = socket.create_server(('127.0.0.1', 0))\n"
        "url = f'http://127.0.0.1:{silent.getsockname()[1]}/door'\n"
        "try:\n"
        "    open_source(url, live=LivePolicy(open_s=0.5))\n"
        "except SourceError as error:\n"
        "    print(error)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
    )
    assert "cannot be opened" in ran.stdout
    assert ran.stderr == ""


def test_files_and_lists_have_moments_too(tmp_path: Path) -> None:
    video = write_video(tmp_path / "v.avi", [picture(n) for n in range(6)])
    source = open_source(str(video))
    assert [moment.index for moment in moments(source) if isinstance(moment, Frame)] == list(range(6))
    frame = Frame(image_rgb=picture(1), index=0, time_s=0.0, name="one")
    assert list(moments([frame])) == [frame]


def test_it_can_be_closed_at_any_moment() -> None:
    """Also while it is being opened again, which is most of the time here."""
    for pause_s in np.linspace(0, 0.01, 60):
        source = LiveSource(lambda: Script([picture(1)]), name="test camera", policy=QUICK)
        threading.Event().wait(pause_s)
        source.close()
        assert list(source.moments()) == []


@LAW
@given(st.floats(0.001, 10), st.floats(1, 100), st.integers(0, 2**32), st.integers(1, 60))
def test_pauses_grow_stay_bounded_and_begin_anew(first_s: float, factor: float, seed: int, count: int) -> None:
    backoff = Backoff(first_s=first_s, max_s=first_s * factor, chance=random.Random(seed))
    for _ in range(2):
        for number in range(count):
            whole = min(first_s * factor, first_s * 2**number)
            assert whole / 2 * (1 - 1e-9) <= backoff.next_s() <= whole * (1 + 1e-9)
        backoff.reset()


@pytest.mark.parametrize(
    "wrong",
    [
        {"stall_s": 0},
        {"open_s": -1},
        {"patience_s": 0},
        {"frozen_s": -1},
        {"black_s": float("nan")},
        {"retry_first_s": 0},
        {"retry_first_s": 2, "retry_max_s": 1},
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        LivePolicy(**wrong)
