"""Tell systemd how the service does: sd_notify(3) in a few lines."""

from __future__ import annotations

import logging
import os
import socket
import time

_log = logging.getLogger(__name__)


class Notifier:
    """Sends datagrams to the socket that systemd named; without one it does nothing."""

    def __init__(self, address: str | None, *, watchdog_s: float | None = None) -> None:
        """Prepare.

        Args:
            address: The socket: a path, or a name that begins with ``@`` for an abstract one; None for nobody.
            watchdog_s: How long the service may be silent, in seconds; None if nobody minds.
        """
        self._address, self._watchdog_s = address, watchdog_s
        self._alive_s = -float("inf")

    @classmethod
    def from_environment(cls) -> Notifier:
        """As systemd's variables say (sd_watchdog_enabled(3)); they are taken away, so that no child answers too."""
        address, limit, pid = (
            os.environ.pop(name, None) for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
        )
        mine = pid is None or pid == str(os.getpid())
        return cls(address, watchdog_s=int(limit) / 1e6 if limit and limit.isdecimal() and mine else None)

    def ready(self) -> None:
        """The service is at work."""
        self._send("READY=1\nSTATUS=watching")

    def status(self, words: str) -> None:
        """What ``systemctl status`` shows; everybody on the machine may read it."""
        self._send("STATUS=" + " ".join(words.split()))

    def alive(self) -> None:
        """A frame was looked at: feed the watchdog, four times within its limit at most."""
        if self._watchdog_s is None:
            return
        now_s = time.monotonic()
        if now_s - self._alive_s >= self._watchdog_s / 4:
            self._alive_s = now_s
            self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """The service is about to end."""
        self._send("STOPPING=1")

    def _send(self, text: str) -> None:
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                # Its queue may be full; no frame waits for that.
                sender.setblocking(False)
                sender.sendto(text.encode("utf-8", "replace"), address)
        except OSError as error:
            _log.debug("systemd was not told %r: %s", text, error)
