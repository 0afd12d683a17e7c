"""A camera or stream that goes on by itself: the newest frame always, and an answer even when there is none."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator

from edge_runtime.errors import SourceError
from edge_runtime.images import Image
from edge_runtime.sources.capture import Opener
from edge_runtime.sources.connection import Connection
from edge_runtime.sources.events import EventKind, Listener, SourceEvent, tell
from edge_runtime.sources.frame import Frame, Moment, Wait
from edge_runtime.sources.health import PictureHealth
from edge_runtime.sources.options import LivePolicy, SourceOptions
from edge_runtime.sources.supervisor import Supervisor

# Events that nobody has asked for; more would only fill the memory of a device that runs for years.
_KEPT_EVENTS = 256
# What a read that is under way gets to finish when the source is closed.
_CLOSING_S = 1.0


class LiveSource:
    """Keeps only the newest frame, so that a decision is never late, and opens the camera again when it is lost.

    One thread reads (:class:`Connection`), another watches it (:class:`Supervisor`); whoever takes the frames waits
    for neither of them longer than asked. The frames of a frozen picture are withheld.
    """

    live = True
    pictures = False

    def __init__(
        self,
        opener: Opener,
        *,
        name: str,
        options: SourceOptions | None = None,
        policy: LivePolicy | None = None,
        on_event: Listener | None = None,
    ) -> None:
        """Open it.

        Args:
            opener: Opens the camera; called again after each loss, on another thread.
            name: What a message calls it; without passwords.
            options: What the frames should be like.
            policy: What counts as trouble, and how it is met.
            on_event: Is told what happens, on another thread.

        Raises:
            SourceError: It cannot be opened, and the policy has no endless patience.
            MissingDependency: The library that opens it is not installed.
        """
        self.name = name
        self._options, self._policy = options or SourceOptions(), policy or LivePolicy()
        self._opener, self._on_event = opener, on_event
        self._start_s = time.monotonic()
        self._lock = threading.Lock()
        self._news = threading.Condition(self._lock)
        self._newest: Frame | None = None
        self._events: deque[SourceEvent] = deque(maxlen=_KEPT_EVENTS)
        self._last_trouble: SourceEvent | None = None
        self._index = 0
        self._told_s = 0.0
        self._closing = False
        self._health = PictureHealth(frozen_s=self._policy.frozen_s, black_s=self._policy.black_s)
        self._black = False
        self._supervisor = Supervisor(self._connect, self._tell, lock=self._lock, name=name, policy=self._policy)
        self._supervisor.begin()

    def __iter__(self) -> Iterator[Frame]:
        """The newest frame each time.

        Raises:
            SourceError: No frame came for the policy's ``patience_s`` seconds.
        """
        patience_s = self._policy.patience_s
        asked_s = time.monotonic()
        for moment in self.moments(0.25 if patience_s is None else min(0.25, patience_s / 4)):
            if isinstance(moment, Frame):
                yield moment
                asked_s = time.monotonic()
            elif patience_s is not None and time.monotonic() - asked_s >= patience_s:
                with self._lock:
                    trouble = self._last_trouble
                why = f" ({trouble.kind.value}: {trouble.detail})" if trouble is not None else ""
                raise SourceError(f"{self.name} gave no frame for {patience_s:g} s{why}. Is it still there?")

    def moments(self, tick_s: float = 0.25) -> Iterator[Moment]:
        """The newest frame each time, what happened, and at least every ``tick_s`` seconds that there is no frame.

        It never raises, and ends when the source is closed. Time never falls from one moment to the next.
        """
        while True:
            with self._news:
                self._news.wait_for(lambda: self._closing or self._events or self._newest is not None, timeout=tick_s)
                if self._closing:
                    return
                moment = self._next_moment()
                self._told_s = moment.time_s
            yield moment

    def close(self) -> None:
        """Stop reading and let go of the camera.

        A read that does not come back is not waited for longer than a moment: its thread lets go when it does.
        """
        with self._news:
            self._closing = True
            self._news.notify_all()
        self._supervisor.end(_CLOSING_S)

    def _next_moment(self) -> Moment:
        """What to hand over now; the lock is held."""
        if self._events:
            # A frame that waits behind the event is older than now.
            now_s = self._now_s() if self._newest is None else self._newest.time_s
            return Wait(time_s=max(self._told_s, now_s), event=self._events.popleft())
        frame, self._newest = self._newest, None
        return Wait(time_s=self._now_s()) if frame is None else frame

    def _now_s(self) -> float:
        return time.monotonic() - self._start_s

    def _connect(self) -> Connection:
        return Connection(
            self._opener,
            name=self.name,
            frames_per_s=self._options.frames_per_s,
            deliver=self._deliver,
            changed=self._supervisor.look_again,
        )

    def _deliver(self, connection: Connection, image_rgb: Image) -> None:
        """A picture has come, on the connection's thread."""
        time_s = connection.heard_s - self._start_s
        image = self._options.apply(image_rgb)
        with self._lock:
            if not self._supervisor.is_current(connection):
                return
            self._health.look(image, time_s)
            still_s = self._health.still_s(time_s) if self._health.frozen else 0.0
            turned_black, self._black = self._health.black is not self._black, self._health.black
            index, self._index = self._index, self._index + 1
        # What happened is told before the picture is shown.
        self._supervisor.picture(connection, image, still_s=still_s)
        if turned_black:
            self._tell_black(black=self._black)
        if still_s:
            return
        with self._news:
            if self._supervisor.is_current(connection):
                # Whoever waits may have been told a later time than that at which the picture was taken.
                time_s = max(time_s, self._told_s)
                self._newest = Frame(image_rgb=image, index=index, time_s=time_s, name=self.name)
                self._news.notify_all()

    def _tell_black(self, *, black: bool) -> None:
        if black:
            detail = f"black for {self._policy.black_s:g} s. Is the lens covered, or the light off?"
            self._tell(EventKind.BLACK, detail)
        else:
            self._tell(EventKind.RECOVERED, "no longer black")

    def _tell(self, kind: EventKind, detail: str) -> None:
        """Report an event, on whichever thread; the lock is not held."""
        event = SourceEvent(kind=kind, source=self.name, time_s=self._now_s(), detail=detail)
        with self._news:
            self._events.append(event)
            self._last_trouble = event if kind.trouble else None
            # A frame from before the interruption is of another scene.
            if kind.breaks:
                self._newest = None
            self._news.notify_all()
        tell(event, self._on_event)
