"""One place's queue, and the thread that empties it: nobody who puts a notice in ever waits."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque

from edge_runtime.errors import DeliveryError
from edge_runtime.outside.notice import Notice
from edge_runtime.outside.policy import DeliveryPolicy
from edge_runtime.outside.sink import Sink
from edge_runtime.sources.backoff import Backoff

# How often a place with nothing to be told is asked to keep its connection up.
_KEEP_S = 2.0

_log = logging.getLogger(__name__)


class Delivery:
    """Delivers to one place, in order, with retries.

    Attributes:
        delivered: Notices that arrived.
        dropped: Notices that never will: the queue was full, they became too old, or they were refused.
    """

    def __init__(self, sink: Sink, policy: DeliveryPolicy, *, keep_s: float = _KEEP_S) -> None:
        """Begin.

        Args:
            sink: The place.
            policy: What it gets, and what becomes of what it does not take.
            keep_s: How often its connection is looked after, in seconds.
        """
        self.delivered, self.dropped = 0, 0
        self._sink, self._policy, self._keep_s = sink, policy, keep_s
        self._waiting: deque[Notice] = deque()
        self._changed = threading.Condition()
        self._closing, self._last_try, self._left = False, False, False
        self._failing, self._full = False, False
        self._backoff = Backoff(first_s=policy.retry_first_s, max_s=policy.retry_max_s)
        self._thread = threading.Thread(target=self._run, name=f"siamlite tells {sink.name}", daemon=True)
        self._thread.start()

    @property
    def name(self) -> str:
        """What messages call the place."""
        return self._sink.name

    def put(self, notice: Notice) -> None:
        """Take a notice, if it is of a kind that the place gets; never waits for the place."""
        if notice.kind not in self._policy.on:
            return
        notice = notice if self._policy.names else notice.without_names()
        with self._changed:
            spill = len(self._waiting) >= self._policy.queue
            if spill:
                self._waiting.popleft()
                self.dropped += 1
            first, self._full = spill and not self._full, spill
            self._waiting.append(notice)
            self._changed.notify_all()
        if first:
            _log.warning("%s: %d notices wait already; the oldest are dropped", self.name, self._policy.queue)

    def finish(self) -> None:
        """Begin to close: what waits is attempted at once, until an attempt fails."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()

    def wait(self, timeout_s: float) -> None:
        """Wait for what is under way, no longer than so many seconds."""
        self._thread.join(max(0.0, timeout_s))

    def leave(self) -> threading.Thread:
        """Drop what is left, and let go of the place; on a thread, as a place that hangs may hang in that as well."""
        with self._changed:
            left, self._left = len(self._waiting), True
            self._waiting.clear()
        if left:
            self.dropped += left
            _log.warning("%s: %d notices were not delivered before the end", self.name, left)
        closer = threading.Thread(target=self._close_sink, name=f"siamlite leaves {self.name}", daemon=True)
        closer.start()
        return closer

    def _close_sink(self) -> None:
        try:
            self._sink.close()
        except Exception:
            _log.exception("%s could not be closed", self.name)

    def _run(self) -> None:
        pause_s = 0.0
        while self._rest(pause_s):
            notice = self._next()
            try:
                if notice is None:
                    self._sink.keep()
                else:
                    self._sink.send(notice)
                self._success(notice)
                pause_s = self._keep_s
            except Exception as error:  # Whatever a library raises, the thread goes on.
                pause_s = self._failure(notice, error)

    def _rest(self, pause_s: float) -> bool:
        """Wait until something is to be done; False when it is all over."""
        with self._changed:
            # After a failure new notices must wait as well: that is what backing off means.
            self._changed.wait_for(lambda: self._closing or (bool(self._waiting) and not self._failing), pause_s)
            if not self._closing:
                return True
            again, self._last_try = not self._failing or not self._last_try, True
            return bool(self._waiting) and again

    def _next(self) -> Notice | None:
        """The oldest notice that is not too old; it stays in the queue until it is delivered."""
        limit_s = time.monotonic() - self._policy.max_age_s
        with self._changed:
            count = len(self._waiting)
            while self._waiting and self._waiting[0].made_s < limit_s:
                self._waiting.popleft()
            old = count - len(self._waiting)
            self.dropped += old
            notice = self._waiting[0] if self._waiting else None
        if old:
            _log.warning(
                "%s: %d notices became older than %g s and were dropped", self.name, old, self._policy.max_age_s
            )
        return notice

    def _success(self, notice: Notice | None) -> None:
        self._backoff.reset()
        if self._failing:
            _log.info("%s takes notices again", self.name)
        self._failing = False
        if notice is not None:
            self._take_off(notice)
            self.delivered += 1

    def _failure(self, notice: Notice | None, error: Exception) -> float:
        """What is done about a failure; returns how long to pause, in seconds."""
        if isinstance(error, DeliveryError) and error.final and notice is not None:
            self._take_off(notice)
            self.dropped += 1
            self._failing = False
            _log.warning("%s: a notice was refused and is dropped: %s", self.name, error)
            return self._keep_s
        if not isinstance(error, DeliveryError):
            _log.error("%s: %s: %s", self.name, type(error).__name__, error)
        elif not self._failing and not self._left:
            # After the end a failure is no news: whatever was under way was broken off.
            _log.warning("%s: %s%s", self.name, error, "" if self._closing else " It is tried again.")
        self._failing = True
        return self._backoff.next_s()

    def _take_off(self, notice: Notice) -> None:
        with self._changed:
            # Meanwhile it may have been pushed out by newer ones.
            if self._waiting and self._waiting[0] is notice:
                self._waiting.popleft()
