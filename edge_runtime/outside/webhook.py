"""A web server that gets each notice by POST."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.client
import logging
import socket
import ssl
import threading
import urllib.parse
from dataclasses import dataclass, field
from pathlib import Path

from edge_runtime.errors import DeliveryError, UsageError
from edge_runtime.outside.notice import Notice
from edge_runtime.outside.policy import within
from edge_runtime.outside.secret import read_secret
from edge_runtime.outside.tls import client_context, is_loopback
from edge_runtime.sources.names import without_password

SIGNATURE_HEADER = "X-Siamlite-Signature-256"
_LEAST_KEY = 16
# Refusals that may not last: too slow, too early, too many.
_PASSING = (408, 425, 429)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookConfig:
    """A web server.

    Attributes:
        url: Where to post.
        key_file: At least 16 secret bytes that bodies are signed with; None for no signature.
        token_file: A secret that is sent as ``Authorization: Bearer …``.
        ca_file: Certificates (PEM) that are trusted rather than the system's.
        timeout_s: What a delivery may take in all.
    """

    url: str = field(repr=False)
    key_file: Path | None = None
    token_file: Path | None = None
    ca_file: Path | None = None
    timeout_s: float = 10.0

    def __post_init__(self) -> None:
        """Refuse what is no URL, or has a password in it."""
        within("timeout_s", self.timeout_s, 0.1, 300)
        shown = without_password(self.url)
        try:
            parts = urllib.parse.urlsplit(self.url)
            good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError as error:
            raise UsageError(f"url {shown!r:.80} is not valid: {error}.") from error
        if not good or not self.url.isascii() or not self.url.isprintable() or " " in self.url:
            raise UsageError(f"url takes an address that begins with https:// or http://, not {shown!r:.80}.")
        if parts.username is not None or parts.password is not None:
            raise UsageError(f"url {shown!r:.80} has a user or password in it. Put a secret into a file: token_file.")


class WebhookSink:
    """Posts notices as JSON, signed if there is a key. It follows no redirect."""

    def __init__(self, config: WebhookConfig) -> None:
        """Read the secrets.

        Raises:
            UsageError: A secret or a certificate cannot be used.
        """
        self._config, self._url = config, urllib.parse.urlsplit(config.url)
        self._key = config.key_file and read_secret(config.key_file, what="the webhook's key", least=_LEAST_KEY)
        token = config.token_file and read_secret(config.token_file, what="the webhook's token")
        self._token = token.decode("latin-1") if token else None
        if self._token is not None and not (self._token.isascii() and self._token.isprintable()):
            raise UsageError(f"the webhook's token, {config.token_file}, has characters that no header takes.")
        self._context = client_context(config.ca_file) if self._url.scheme == "https" else None
        if self._context is None and not is_loopback(self._url.hostname or ""):
            _log.warning("%s: notices are sent without encryption; everybody on the way can read them", self.name)

    @property
    def name(self) -> str:
        """Its scheme and host: a path may be a secret."""
        return f"webhook {self._url.scheme}://{self._url.hostname}"

    def keep(self) -> None:
        """There is no connection between notices."""

    def close(self) -> None:
        """There is nothing to let go of."""

    def send(self, notice: Notice) -> None:
        """Post a notice.

        Raises:
            DeliveryError: It was not answered with a 2xx status.
        """
        body = notice.body
        connection = self._connection()
        # The time-out of a socket begins anew with every byte; this one does not.
        late = threading.Event()
        guard = threading.Timer(self._config.timeout_s, _cut, [connection, late])
        guard.daemon = True
        guard.start()
        try:
            connection.request("POST", self._target(), body=body, headers=self._headers(body))
            status = connection.getresponse().status
            if late.is_set():
                # What was cut off may look like the end of an answer.
                raise TimeoutError(f"no whole answer within {self._config.timeout_s:g} s")
        except (OSError, http.client.HTTPException, ValueError, AttributeError) as error:
            raise DeliveryError(f"was not reached: {error or type(error).__name__}.") from error
        finally:
            guard.cancel()
            connection.close()
        if 300 <= status < 400:
            raise DeliveryError(
                f"answers with a redirect ({status}), which is not followed. Give the new url.", final=True
            )
        if not 200 <= status < 300:
            raise DeliveryError(f"answers {status}.", final=400 <= status < 500 and status not in _PASSING)

    def _connection(self) -> http.client.HTTPConnection:
        host, port, timeout_s = self._url.hostname or "", self._url.port, self._config.timeout_s
        if self._context is None:
            return http.client.HTTPConnection(host, port, timeout=timeout_s)
        return http.client.HTTPSConnection(host, port, timeout=timeout_s, context=self._context)

    def _target(self) -> str:
        query = f"?{self._url.query}" if self._url.query else ""
        return (self._url.path or "/") + query

    def _headers(self, body: bytes) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "User-Agent": "siamlite", "Connection": "close"}
        if self._key:
            headers[SIGNATURE_HEADER] = signature(self._key, body)
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        return headers


def signature(key: bytes, body: bytes) -> str:
    """The value of the signature's header: ``sha256=`` and the HMAC-SHA256 (RFC 2104) of the body in hexadecimal."""
    return "sha256=" + hmac.new(key, body, hashlib.sha256).hexdigest()


def _cut(connection: http.client.HTTPConnection, late: threading.Event) -> None:
    """Break a connection off, so that whoever reads or writes comes back with an error."""
    late.set()
    held: socket.socket | ssl.SSLSocket | None = connection.sock
    if held is not None:
        with contextlib.suppress(OSError):
            held.shutdown(socket.SHUT_RDWR)
