"""Webhooks, against a real server on this machine."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.server
import json
import logging
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from outside_helpers import close, eventually, notice
from tls_helpers import Authority

from edge_runtime.errors import DeliveryError, UsageError
from edge_runtime.outside.delivery import Delivery
from edge_runtime.outside.policy import DeliveryPolicy
from edge_runtime.outside.webhook import SIGNATURE_HEADER, WebhookConfig, WebhookSink


class Server(http.server.ThreadingHTTPServer):
    """Keeps what it is sent, and answers with the statuses that it is told."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        self.location = ""
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is no news."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, dict(self.headers), body))
        self.send_response(self.server.statuses.pop(0) if self.server.statuses else 204)
        if self.server.location:
            self.send_header("Location", self.server.location)
        self.end_headers()

    do_GET = do_POST

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@contextlib.contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    with Server(tls) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as made:
        yield made


def url(server: Server, path: str = "/hook?door=1", scheme: str = "http") -> str:
    return f"{scheme}://127.0.0.1:{server.server_address[1]}{path}"


def secret(path: Path, text: str = "0123456789abcdef-key\n") -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path


def test_a_notice_is_posted_and_signed(server: Server, tmp_path: Path) -> None:
    config = WebhookConfig(
        url=url(server), key_file=secret(tmp_path / "key"), token_file=secret(tmp_path / "token", "let-me-in\n")
    )
    one = notice("Zoë")
    WebhookSink(config).send(one)
    ((path, headers, body),) = server.got
    assert path == "/hook?door=1"
    assert json.loads(body) == one.values
    assert headers["Content-Type"] == "application/json"
    assert headers["Authorization"] == "Bearer let-me-in"
    wanted = hmac.new(b"0123456789abcdef-key", body, hashlib.sha256).hexdigest()
    assert headers[SIGNATURE_HEADER] == f"sha256={wanted}"


def test_without_a_key_nothing_is_signed(server: Server) -> None:
    WebhookSink(WebhookConfig(url=url(server))).send(notice())
    assert not {SIGNATURE_HEADER, "Authorization"} & set(server.got[0][1])


@pytest.mark.parametrize(
    ("status", "final"), [(500, False), (503, False), (429, False), (408, False), (400, True), (401, True), (404, True)]
)
def test_what_another_attempt_could_change_is_tried_again(server: Server, status: int, final: bool) -> None:
    server.statuses = [status]
    with pytest.raises(DeliveryError, match=str(status)) as caught:
        WebhookSink(WebhookConfig(url=url(server))).send(notice())
    assert caught.value.final is final


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(server: Server, status: int) -> None:
    with serving() as other:
        server.statuses, server.location = [status], url(other)
        with pytest.raises(DeliveryError, match="redirect") as caught:
            WebhookSink(WebhookConfig(url=url(server))).send(notice())
        assert other.got == []
    assert len(server.got) == 1
    assert caught.value.final


def test_a_server_that_comes_back_gets_what_waited(server: Server) -> None:
    server.statuses = [500, 503, 429]
    delivery = Delivery(WebhookSink(WebhookConfig(url=url(server))), DeliveryPolicy(retry_first_s=0.01))
    one = notice()
    delivery.put(one)
    eventually(lambda: delivery.delivered == 1)
    close(delivery, 5)
    assert [json.loads(body)["id"] for _, _, body in server.got] == [one.number] * 4


def test_nobody_there_is_no_end(server: Server) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(DeliveryError, match=r"was not reached: .*refused") as caught:
        WebhookSink(WebhookConfig(url=f"http://127.0.0.1:{port}/")).send(notice())
    assert not caught.value.final


@pytest.mark.parametrize("dripping", [False, True])
def test_a_server_that_never_answers_is_given_up(dripping: bool) -> None:
    """One that says nothing, and one that says a little again and again, which no time-out of a socket ends."""
    done = threading.Event()

    def answer(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError):
            connection.sendall(b"HTTP/1.1 204 fine\r\n")
            while not done.wait(0.05):
                if dripping:
                    connection.sendall(b"X-More: yes\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer, args=[listener], daemon=True)
        thread.start()
        sink = WebhookSink(WebhookConfig(url=f"http://127.0.0.1:{listener.getsockname()[1]}/", timeout_s=0.5))
        with pytest.raises(DeliveryError, match="was not reached"):
            sink.send(notice())
        done.set()
        thread.join()


def test_what_is_no_answer_is_an_error() -> None:
    def answer(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            connection.sendall(b"\0\xff not http\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=answer, args=[listener], daemon=True).start()
        with pytest.raises(DeliveryError, match="was not reached"):
            WebhookSink(WebhookConfig(url=f"http://127.0.0.1:{listener.getsockname()[1]}/")).send(notice())


def test_certificates_are_checked(tmp_path: Path) -> None:
    ours, others = Authority(tmp_path), Authority(tmp_path, "others")
    for address, authority, good in (
        ("127.0.0.1", ours, True), ("127.0.0.1", others, False), ("127.0.0.2", ours, False),
    ):  # fmt: skip
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*ours.issue("server", address=address))
        with serving(context) as server:
            sink = WebhookSink(WebhookConfig(url=url(server, scheme="https"), ca_file=authority.file))
            if good:
                sink.send(notice())
            else:
                with pytest.raises(DeliveryError, match="certificate verify failed"):
                    sink.send(notice())
            assert len(server.got) == good


def test_a_secret_is_for_its_owner_alone(tmp_path: Path) -> None:
    key = secret(tmp_path / "key")
    key.chmod(0o640)
    with pytest.raises(UsageError, match=r"may be read by others \(mode 0640\)"):
        WebhookSink(WebhookConfig(url="https://door/", key_file=key))
    with pytest.raises(UsageError, match="has 5 bytes; 16 to"):
        WebhookSink(WebhookConfig(url="https://door/", key_file=secret(tmp_path / "short", "short")))
    with pytest.raises(UsageError, match="cannot read the webhook's key"):
        WebhookSink(WebhookConfig(url="https://door/", key_file=tmp_path / "none"))
    with pytest.raises(UsageError, match="no header takes"):
        WebhookSink(WebhookConfig(url="https://door/", token_file=secret(tmp_path / "t", "a\r\nHost: b")))
    with pytest.raises(UsageError, match="cannot use the certificates"):
        WebhookSink(WebhookConfig(url="https://door/", ca_file=key))


def test_a_warning_where_everybody_can_listen(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        for address in ("http://127.0.0.1/", "http://localhost/x", "https://door.example/x"):
            WebhookSink(WebhookConfig(url=address))
        assert caplog.records == []
        WebhookSink(WebhookConfig(url="http://door.example/secret-path"))
    assert "without encryption" in caplog.text
    assert "secret-path" not in caplog.text


@pytest.mark.parametrize(
    "wrong",
    [
        *("", "door", "ftp://door/", "https://", "https://anna:hunter2@door/", "https://door:99999/", "https://do or/"),
        *("https://[::1/", "http://d/\r\nX: y"),
    ],
)
def test_what_is_no_address_is_refused(wrong: str) -> None:
    with pytest.raises(UsageError) as caught:
        WebhookConfig(url=wrong)
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)
