"""Watches the connection to a live source, and makes a new one when it is lost, stalled or frozen."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from edge_runtime.errors import SourceError
from edge_runtime.images import Image
from edge_runtime.sources.backoff import Backoff
from edge_runtime.sources.connection import Connection
from edge_runtime.sources.events import EventKind
from edge_runtime.sources.options import LivePolicy

# Attempts that hang inside a library at the same time; each holds a thread, and perhaps a socket.
_MAX_STUCK = 3
# What a library gets on top of its own limit for opening, before it is taken to be stuck.
_GRACE_S = 1.0


class Supervisor:
    """Keeps one connection at work."""

    def __init__(
        self,
        connect: Callable[[], Connection],
        tell: Callable[[EventKind, str], None],
        *,
        lock: threading.Lock,
        name: str,
        policy: LivePolicy,
    ) -> None:
        """Prepare.

        Args:
            connect: Begins a new connection.
            tell: Reports what happened; called without the lock.
            lock: Guards what the source and its supervisor share.
            name: What a message calls the source.
            policy: What counts as trouble, and how it is met.
        """
        self._connect, self._tell, self._name, self._policy = connect, tell, name, policy
        self._changed = threading.Condition(lock)
        self._connection: Connection | None = None
        self._stuck: list[Connection] = []
        self._closing = False
        # The trouble that the next good picture ends, and since when there is none.
        self._down: EventKind | None = None
        self._seen = False
        self._down_since_s = time.monotonic()
        self._first_good_s: float | None = None
        self._frozen = False
        self._backoff = Backoff(first_s=policy.retry_first_s, max_s=policy.retry_max_s)
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Open the source for the first time, and watch it from then on.

        Raises:
            SourceError: It cannot be opened, and patience is not endless.
            MissingDependency: The library that opens it is not installed.
        """
        connection = self._new_connection()
        self._thread = threading.Thread(
            target=self._run, args=[connection], name=f"siamlite watches {self._name}", daemon=True
        )
        with self._changed:
            self._changed.wait_for(lambda: connection.opened or connection.ended, self._policy.open_s + _GRACE_S)
        failure = connection.failure
        if failure is not None and not isinstance(failure, SourceError):
            raise failure
        if not connection.opened and self._policy.patience_s is not None:
            connection.drop()
            raise SourceError(f"{self._name} cannot be opened: {failure or self._too_slow()}") from failure
        self._thread.start()

    def end(self, timeout_s: float) -> None:
        """Drop the connection and stop watching; waits for either no longer than that."""
        with self._changed:
            self._closing = True
            connection = self._connection
            self._changed.notify_all()
        if connection is not None:
            connection.drop()
            connection.join(timeout_s)
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout_s)

    def is_current(self, connection: Connection) -> bool:
        """Whether it is the connection that counts, and not one that was given up; the lock is held."""
        return connection is self._connection and not self._closing

    def look_again(self) -> None:
        """A connection has opened or ended."""
        with self._changed:
            self._changed.notify_all()

    def picture(self, connection: Connection, image: Image, *, still_s: float) -> None:
        """A picture has come.

        Args:
            connection: From where.
            image: The picture.
            still_s: For how long it has been the same, if that is too long; else 0.
        """
        now_s = time.monotonic()
        with self._changed:
            if not self.is_current(connection):
                return
            if still_s:
                # A new connection gets as long as the first one had to come up with another picture.
                self._frozen = min(still_s, now_s - connection.opened_s) >= self._policy.frozen_s
                self._changed.notify_all()
                return
            self._first_good_s = self._first_good_s or now_s
            down, self._down = self._down, None
            first, self._seen = not self._seen, True
            gone_s = now_s - self._down_since_s
        height, width = image.shape[:2]
        if first:
            self._tell(EventKind.OPENED, f"{width}×{height} px, {gone_s:.1f} s after it was asked for")
        elif down is not None:
            self._tell(EventKind.RECOVERED, f"{width}×{height} px, {gone_s:.1f} s after it was {down.value}")

    def _run(self, connection: Connection) -> None:
        while (trouble := self._attend(connection)) is not None:
            self._take_down(*trouble)
            self._let_go(connection)
            if not self._rest():
                return
            connection = self._new_connection()
        connection.drop()

    def _new_connection(self) -> Connection:
        connection = self._connect()
        with self._changed:
            # Whoever closes the source meanwhile finds either none or one that has been started.
            if not self._closing:
                self._connection, self._first_good_s, self._frozen = connection, None, False
                connection.start()
        return connection

    def _attend(self, connection: Connection) -> tuple[EventKind, str] | None:
        """Wait until something is wrong with a connection, and say what; None when the source is closed."""
        policy = self._policy
        with self._changed:
            while not self._closing:
                if connection.ended:
                    if not connection.opened:
                        return EventKind.UNREACHABLE, f"cannot be opened: {connection.failure}"
                    count = connection.pictures
                    pictures = f"{count} picture{'s' * (count != 1)}"
                    return EventKind.LOST, f"ended after {pictures}"
                if self._frozen:
                    return EventKind.FROZEN, f"the very same picture for {policy.frozen_s:g} s"
                limit_s = policy.stall_s if connection.opened else policy.open_s + _GRACE_S
                left_s = connection.heard_s + limit_s - time.monotonic()
                if left_s <= 0:
                    stalled = EventKind.STALLED, f"no frame for {policy.stall_s:g} s"
                    return stalled if connection.opened else (EventKind.UNREACHABLE, self._too_slow())
                self._changed.wait(left_s)
            return None

    def _too_slow(self) -> str:
        return f"it did not open within {self._policy.open_s:g} s"

    def _take_down(self, kind: EventKind, detail: str) -> None:
        """Give the connection up, and say why."""
        now_s = time.monotonic()
        with self._changed:
            # From here on none of its pictures counts.
            self._connection = None
            began_s = self._first_good_s
            if began_s is not None and not self._frozen and now_s - began_s >= self._policy.healthy_s:
                self._backoff.reset()
            if self._down is None:
                # Later troubles are of the same absence.
                self._down, self._down_since_s = kind, now_s
        self._tell(kind, detail)

    def _let_go(self, connection: Connection) -> None:
        """Give a connection the time to end; a camera can be opened again only when it was let go of."""
        connection.drop()
        with self._changed:
            ended = self._changed.wait_for(lambda: connection.ended or self._closing, self._policy.stall_s)
        if not ended:
            self._stuck.append(connection)
            where = "reading" if connection.opened else "opening"
            self._tell(EventKind.STUCK, f"{where} does not come back; that attempt is left to itself")

    def _rest(self) -> bool:
        """Wait for the next attempt; False if the source is closed meanwhile."""
        while True:
            pause_s = self._backoff.next_s()
            with self._changed:
                if self._changed.wait_for(lambda: self._closing, pause_s):
                    return False
            self._stuck = [connection for connection in self._stuck if not connection.ended]
            if len(self._stuck) < _MAX_STUCK:
                return True
