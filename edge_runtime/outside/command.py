"""A command that is run for each notice."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from dataclasses import dataclass

from edge_runtime.commands.printable import printable
from edge_runtime.errors import DeliveryError, UsageError
from edge_runtime.outside.notice import Notice
from edge_runtime.outside.policy import within

PREFIX = "SIAMLITE_EVENT_"
# All that a command gets of this process's environment: the gallery's key may be in the rest.
_KEPT = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR")
# Linux takes no variable of more than 128 KiB; all of a text is in the JSON.
_LONGEST = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandConfig:
    """A command.

    Attributes:
        argv: The program and its arguments, as they are: there is no shell, and nothing is put into them.
        timeout_s: After so many seconds it is killed with all that it started.
    """

    argv: tuple[str, ...]
    timeout_s: float = 10.0

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        if not self.argv or not self.argv[0] or any("\0" in word for word in self.argv):
            raise UsageError("argv takes a program and its arguments, such as ['/usr/local/bin/open-door', '--now'].")
        within("timeout_s", self.timeout_s, 0.1, 3600)


class CommandSink:
    """Runs a command: the notice is JSON on its standard input, and in ``SIAMLITE_EVENT_…`` variables."""

    def __init__(self, config: CommandConfig) -> None:
        """Prepare."""
        self._config = config
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False

    @property
    def name(self) -> str:
        """What messages call it: the program, without its arguments."""
        return f"command {self._config.argv[0]}"

    def keep(self) -> None:
        """There is no connection."""

    def send(self, notice: Notice) -> None:
        """Run the command; it has taken the notice when it ends with 0.

        Raises:
            DeliveryError: It cannot be run, takes too long, or ends otherwise.
        """
        process = self._start(notice)
        try:
            process.communicate(notice.body, timeout=self._config.timeout_s)
        except subprocess.TimeoutExpired as error:
            _kill(process)
            raise DeliveryError(f"took longer than {self._config.timeout_s:g} s and was killed.") from error
        finally:
            self._ended(process)
        if process.returncode != 0:
            raise DeliveryError(f"ended with {process.returncode}.")

    def close(self) -> None:
        """Kill the command if it is running."""
        with self._lock:
            self._closed = True
            if self._process is not None:
                _kill(self._process)

    def _ended(self, process: subprocess.Popen[bytes]) -> None:
        if process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()
        process.wait()
        with self._lock:
            self._process = None

    def _start(self, notice: Notice) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._closed:
                raise DeliveryError("is closed.", final=True)
            try:
                self._process = subprocess.Popen(
                    self._config.argv,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env=environment(notice),
                    cwd="/",
                    start_new_session=True,
                )
            except (OSError, ValueError) as error:
                raise DeliveryError(f"cannot be run: {getattr(error, 'strerror', None) or error}.") from error
            return self._process


def environment(notice: Notice) -> dict[str, str]:
    """The variables that a command gets: some of this process's, and one for each field of the notice.

    Objects are left out, None is an empty text, and control characters become ``?``.
    """
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    plain = {key: value for key, value in notice.values.items() if not isinstance(value, dict)}
    return kept | {
        PREFIX + key.removeprefix("event_").upper(): "" if value is None else printable(str(value))[:_LONGEST]
        for key, value in plain.items()
    }


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a program and whatever it started: all of that is in its session."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
