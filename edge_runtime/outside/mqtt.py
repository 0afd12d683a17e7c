"""An MQTT broker, by paho-mqtt, and what Home Assistant wants to know of a device."""

from __future__ import annotations

import contextlib
import json
import logging
import secrets
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_runtime.errors import DeliveryError, MissingDependency, UsageError
from edge_runtime.outside.discovery import OFFLINE, ONLINE, availability_topic, camera_topic, discovery, event_topic
from edge_runtime.outside.notice import CAMERA, Notice
from edge_runtime.outside.policy import within
from edge_runtime.outside.secret import read_secret
from edge_runtime.outside.tls import client_context, is_loopback

if TYPE_CHECKING:
    import paho.mqtt.client as paho

# After one and a half of these without a word the broker takes the device for gone, and says so to everybody.
_KEEPALIVE_S = 20
_LEAVE_S = 1.0
_SLICE_S = 0.1

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttConfig:
    """A broker.

    Attributes:
        host: Its name or address.
        port: Its port; 8883 with TLS and 1883 without if None.
        tls: Whether the connection is encrypted, and the broker's certificate checked.
        ca_file: Certificates (PEM) that are trusted rather than the system's.
        cert_file: A certificate of one's own, where the broker wants one.
        cert_key_file: Its private key.
        user: The name to log in with.
        password_file: Its password.
        topic: What all topics begin with.
        discovery: Home Assistant's prefix of discovery topics; empty for none.
        device: What Home Assistant calls the device.
        timeout_s: What connecting, and each delivery, may take.
    """

    host: str
    port: int | None = None
    tls: bool = True
    ca_file: Path | None = None
    cert_file: Path | None = None
    cert_key_file: Path | None = None
    user: str | None = None
    password_file: Path | None = None
    topic: str = "siamlite"
    discovery: str = "homeassistant"
    device: str = "siamlite"
    timeout_s: float = 10.0

    def __post_init__(self) -> None:
        """Refuse what no broker takes."""
        within("port", 8883 if self.port is None else self.port, 1, 65_535)
        within("timeout_s", self.timeout_s, 0.1, 120)
        if not self.host or "/" in self.host or not self.host.isprintable():
            raise UsageError(f"host takes a name or an address, such as 'broker.local', not {self.host!r:.80}.")
        for name, value, empty in (("topic", self.topic, False), ("discovery", self.discovery, True)):
            if (not value and not empty) or not _is_topic(value):
                raise UsageError(f"{name} takes words with / between them, without + # or $, not {value!r:.80}.")
        if not self.tls and (self.ca_file or self.cert_file):
            raise UsageError("ca_file and cert_file are for TLS. Leave them out, or set tls = true.")
        if (self.cert_file is None) != (self.cert_key_file is None):
            raise UsageError("cert_file and cert_key_file go together.")
        if self.password_file is not None and not self.user:
            raise UsageError("password_file needs a user.")


class MqttSink:
    """Publishes notices, at least once each, and says whether the device is there."""

    def __init__(self, config: MqttConfig) -> None:
        """Read the secrets; the connection is made later.

        Raises:
            MissingDependency: paho-mqtt is not installed.
            UsageError: A secret or a certificate cannot be used.
        """
        self._config = config
        self._paho = _load_paho()
        password = config.password_file and read_secret(config.password_file, what="the broker's password")
        self._password = password.decode("utf-8", "surrogateescape") if password else None
        self._context = (
            client_context(config.ca_file, cert_file=config.cert_file, key_file=config.cert_key_file)
            if config.tls
            else None
        )
        if not config.tls and not is_loopback(config.host):
            _log.warning("%s: notices and password are sent without encryption (tls = false)", self.name)
        self._client: paho.Client | None = None
        self._closed = False

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"MQTT broker {self._config.host}"

    def keep(self) -> None:
        """Be connected, so that the broker can say that the device is there.

        Raises:
            DeliveryError: The broker is not there, or refuses.
        """
        self._connected()

    def send(self, notice: Notice) -> None:
        """Publish a notice, and wait for the broker to confirm it. It is not retained: an old one must open no door.

        Raises:
            DeliveryError: The broker did not confirm it.
        """
        client = self._connected()
        topic = (camera_topic if notice.kind == CAMERA else event_topic)(self._config.topic)
        try:
            self._confirmed(client, client.publish(topic, notice.body, qos=1))
        except DeliveryError:
            # This client would send it once more when it comes back; a new one does not know of it.
            self._leave()
            raise

    def close(self) -> None:
        """Say that the device is gone, and log off."""
        self._closed, client = True, self._client
        if client is not None and client.is_connected():
            with contextlib.suppress(ValueError, RuntimeError, OSError):
                gone = client.publish(availability_topic(self._config.topic), OFFLINE, qos=1, retain=True)
                gone.wait_for_publish(_LEAVE_S)
        self._leave()

    def _connected(self) -> paho.Client:
        if self._client is not None and self._client.is_connected():
            return self._client
        self._leave()
        self._client = client = self._connect()
        try:
            if self._closed:
                raise DeliveryError("is closed.", final=True)
            self._introduce(client)
        except DeliveryError:
            self._leave()
            raise
        return client

    def _connect(self) -> paho.Client:
        """A client that the broker has let in."""
        config, answered, answers = self._config, threading.Event(), []

        def connected(client: Any, data: Any, flags: Any, code: Any, properties: Any) -> None:
            answers.append(code)
            answered.set()

        client = self._new_client()
        client.on_connect = connected
        try:
            client.connect(config.host, config.port or (8883 if config.tls else 1883), keepalive=_KEEPALIVE_S)
            client.loop_start()
        except (OSError, ValueError) as error:
            raise DeliveryError(f"was not reached: {error}.") from error
        if not answered.wait(config.timeout_s) or answers[0].is_failure:
            client.disconnect()
            said = f"refuses: {answers[0]}." if answers else f"does not answer within {config.timeout_s:g} s."
            raise DeliveryError(said)
        return client

    def _new_client(self) -> paho.Client:
        library, config = self._paho, self._config
        client: paho.Client = library.Client(
            library.CallbackAPIVersion.VERSION2,
            client_id=f"siamlite-{secrets.token_hex(6)}",
            # Deliveries have their own pauses; a client that is lost is given up.
            reconnect_on_failure=False,
        )
        client.connect_timeout = config.timeout_s
        client.suppress_exceptions = True
        client.will_set(availability_topic(config.topic), OFFLINE, qos=1, retain=True)
        if config.user:
            client.username_pw_set(config.user, self._password)
        if self._context is not None:
            client.tls_set_context(self._context)
        return client

    def _introduce(self, client: paho.Client) -> None:
        """Say what the device has, and that it is there."""
        config = self._config
        if config.discovery:
            for topic, value in discovery(config.topic, prefix=config.discovery, device=config.device).items():
                self._confirmed(client, client.publish(topic, json.dumps(value), qos=1, retain=True))
        self._confirmed(client, client.publish(availability_topic(config.topic), ONLINE, qos=1, retain=True))

    def _confirmed(self, client: paho.Client, sent: paho.MQTTMessageInfo) -> None:
        end_s = time.monotonic() + self._config.timeout_s
        try:
            while not sent.is_published():
                if not client.is_connected():
                    raise DeliveryError("closed the connection.")
                if time.monotonic() >= end_s:
                    raise DeliveryError(f"does not confirm within {self._config.timeout_s:g} s.")
                # In slices: whoever waits is not woken when the connection is lost.
                sent.wait_for_publish(_SLICE_S)
        except (ValueError, RuntimeError) as error:
            raise DeliveryError(f"does not take a notice: {error}.") from error

    def _leave(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            # Its thread ends by itself; to wait for it could take as long as the network likes.
            client.disconnect()


def _is_topic(text: str) -> bool:
    return (
        len(text.encode("utf-8", "replace")) <= 200
        and text.isprintable()
        and not set(text) & set("+#$")
        and text == text.strip("/")
    )


def _load_paho() -> Any:
    try:
        import paho.mqtt.client
    except ImportError as error:
        raise MissingDependency(
            "paho-mqtt is not installed, and it is what talks to MQTT brokers. Run: pip install 'siamlite[mqtt]'"
        ) from error
    if not hasattr(paho.mqtt.client, "CallbackAPIVersion"):
        raise MissingDependency("paho-mqtt is older than 2.0. Run: pip install -U 'siamlite[mqtt]'")
    return paho.mqtt.client
