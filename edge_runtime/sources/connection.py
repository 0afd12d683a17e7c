"""One opening of a live source: a thread that opens it and reads until it ends, fails or is dropped."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from edge_runtime.errors import SiamliteError, SourceError
from edge_runtime.images import Image
from edge_runtime.sources.capture import Capture, Opener

_log = logging.getLogger(__name__)


class Connection:
    """An open camera and the thread that reads it.

    Opening and reading may block for ever inside a library. Nobody else waits for them: a connection that does not
    come back is dropped, and its thread, a daemon, lets go of the camera if it ever does.

    Attributes:
        opened: Whether opening has succeeded.
        opened_s: Monotonic time of that.
        ended: Whether it is over, for whatever reason, and the camera let go of.
        failure: Why it could not be opened.
        heard_s: Monotonic time of the last sign of life: the beginning, the opening, the last picture.
        pictures: How many pictures were handed over.
    """

    def __init__(
        self,
        opener: Opener,
        *,
        name: str,
        frames_per_s: float | None,
        deliver: Callable[[Connection, Image], None],
        changed: Callable[[], None],
    ) -> None:
        """Prepare.

        Args:
            opener: Opens it.
            name: What the thread is called.
            frames_per_s: At most so many pictures are decoded; all if None.
            deliver: Is given each picture, on the connection's thread.
            changed: Is called when it has opened or ended, on the connection's thread.
        """
        self._opener, self._frames_per_s = opener, frames_per_s
        self._deliver, self._changed = deliver, changed
        self._dropped = threading.Event()
        self.opened = self.ended = False
        self.failure: SiamliteError | None = None
        self.heard_s = self.opened_s = time.monotonic()
        self.pictures = 0
        self._thread = threading.Thread(target=self._run, name=f"siamlite {name}", daemon=True)

    def start(self) -> None:
        """Begin to open it."""
        self._thread.start()

    def drop(self) -> None:
        """Read no more. It ends as soon as the library comes back."""
        self._dropped.set()

    def join(self, timeout_s: float) -> None:
        """Wait for its end, but no longer than that; not at all on its own thread."""
        if self._thread is not threading.current_thread():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            capture = self._open()
            if capture is not None:
                self._read(capture)
        finally:
            self.ended = True
            self._changed()

    def _open(self) -> Capture | None:
        try:
            capture = self._opener()
        except SiamliteError as error:
            self.failure = error
        except Exception as error:  # What the libraries raise is not known, and a thread must not die in silence.
            _log.debug("opening failed", exc_info=True)
            self.failure = SourceError(f"{type(error).__name__}: {error}")
        else:
            self.heard_s = self.opened_s = time.monotonic()
            self.opened = True
            self._changed()
            return capture
        return None

    def _read(self, capture: Capture) -> None:
        try:
            self._read_on(capture)
        except Exception:
            _log.warning("reading failed", exc_info=_log.isEnabledFor(logging.DEBUG))
        finally:
            try:
                capture.close()
            except Exception:
                _log.debug("closing failed", exc_info=True)

    def _read_on(self, capture: Capture) -> None:
        due_s = 0.0
        while not self._dropped.is_set() and capture.grab():
            now_s = time.monotonic()
            if self._frames_per_s is not None:
                # A camera is never quite punctual: a fifth of the interval too early is not too early.
                if now_s < due_s - 0.2 / self._frames_per_s:
                    self.heard_s = now_s
                    continue
                due_s = max(due_s, now_s) + 1 / self._frames_per_s
            image = capture.image()
            if image is None:
                # Damaged on its way; the next may be whole. If none is, that is a stall.
                self._dropped.wait(0.005)
                continue
            self.heard_s = now_s
            self.pictures += 1
            if not self._dropped.is_set():
                self._deliver(self, image)
