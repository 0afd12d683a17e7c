"""A real Mosquitto on this machine, and somebody who listens to it."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from outside_helpers import eventually
from tls_helpers import Authority

paho = pytest.importorskip("paho.mqtt.client", reason="paho-mqtt is not installed")

# Debian puts it where only root's path leads.
MOSQUITTO = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/sbin")
USER, PASSWORD = "door", "hunter2 with spaces"


class Broker:
    """A Mosquitto that can be killed and started again on its port."""

    def __init__(self, folder: Path, *, tls: bool = False, password: bool = False) -> None:
        self.folder, self.port, self.authority = folder, _free_port(), Authority(folder) if tls else None
        self._process: subprocess.Popen[bytes] | None = None
        lines = [f"listener {self.port} 127.0.0.1", "persistence false", "user root", "log_dest none"]
        if self.authority is not None:
            certificate, key = self.authority.issue("broker")
            lines += [f"certfile {certificate}", f"keyfile {key}"]
        lines += [f"allow_anonymous {'false' if password else 'true'}"]
        if password:
            passwords = folder / "passwords"
            made = shutil.which("mosquitto_passwd", path="/usr/bin:/usr/local/bin:/opt/homebrew/bin")
            assert made is not None
            subprocess.run([made, "-b", "-c", str(passwords), USER, PASSWORD], check=True, capture_output=True)
            lines += [f"password_file {passwords}"]
        (folder / "mosquitto.conf").write_text("\n".join(lines) + "\n")

    def start(self) -> None:
        assert MOSQUITTO is not None
        self._process = subprocess.Popen(
            [MOSQUITTO, "-c", str(self.folder / "mosquitto.conf")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        eventually(lambda: _listens(self.port))

    def kill(self) -> None:
        """kill -9: nothing is said to anybody."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class Listener:
    """A client that keeps what is published; of retained messages too."""

    def __init__(self, broker: Broker, *, password: str | None = None) -> None:
        self.got: list[tuple[str, bytes, bool]] = []
        self._subscribed = threading.Event()
        self._client = client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        client.reconnect_delay_set(1, 1)
        if broker.authority is not None:
            client.tls_set(str(broker.authority.file))
        if password is not None:
            client.username_pw_set(USER, password)
        client.on_connect = lambda *_: client.subscribe("#", qos=1)
        client.on_subscribe = lambda *_: self._subscribed.set()
        client.on_message = lambda c, data, message: self.got.append((message.topic, message.payload, message.retain))
        client.connect("127.0.0.1", broker.port)
        client.loop_start()
        assert self._subscribed.wait(30)

    def on(self, topic: str) -> list[bytes]:
        """What was published there."""
        return [payload for where, payload, _ in self.got if where == topic]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@contextlib.contextmanager
def broker_of(folder: Path, **options: Any) -> Iterator[Broker]:
    if MOSQUITTO is None:
        pytest.skip("Mosquitto is not installed (Debian: mosquitto)")
    broker = Broker(folder, **options)
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()


@contextlib.contextmanager
def listening(broker: Broker, **options: Any) -> Iterator[Listener]:
    listener = Listener(broker, **options)
    try:
        yield listener
    finally:
        listener.close()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
