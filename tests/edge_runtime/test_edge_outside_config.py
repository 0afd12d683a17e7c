"""The file that says what is told where."""

from __future__ import annotations

from pathlib import Path

import pytest
from edge_helpers import LAW
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.errors import UsageError
from edge_runtime.outside.command import CommandConfig
from edge_runtime.outside.config import read_events
from edge_runtime.outside.gpio import GpioConfig
from edge_runtime.outside.mqtt import MqttConfig
from edge_runtime.outside.notice import KINDS
from edge_runtime.outside.open import open_outbox
from edge_runtime.outside.policy import DeliveryPolicy
from edge_runtime.outside.secret import read_secret, secret_file
from edge_runtime.outside.webhook import WebhookConfig

pytest.importorskip("tomllib", reason="needs Python 3.11, or tomli")

WHOLE = """
[[command]]
argv = ["/usr/local/bin/open-door", "--now"]
timeout_s = 5
on = ["accepted"]

[[webhook]]
url = "https://door.example/hook"
key_file = "webhook.key"
names = false
max_age_s = 3600

[[webhook]]
url = "http://127.0.0.1:8000/"

[[gpio]]
pin = 17
pulse_ms = 3000
active_low = true

[[mqtt]]
host = "broker.local"
user = "door"
password_file = "/etc/siamlite/mqtt"
ca_file = "ca.pem"
topic = "house/door"
queue = 10
"""


def test_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "events.toml"
    path.write_text(WHOLE)
    found = read_events(path)
    assert [place.section for place in found.places] == ["command", "webhook", "webhook", "gpio", "mqtt"]
    command, webhook, plain, gpio, mqtt = found.places
    assert command.sink == CommandConfig(argv=("/usr/local/bin/open-door", "--now"), timeout_s=5.0)
    assert command.delivery == DeliveryPolicy(on=("accepted",))
    assert webhook.sink == WebhookConfig(url="https://door.example/hook", key_file=tmp_path / "webhook.key")
    assert webhook.delivery == DeliveryPolicy(names=False, max_age_s=3600.0)
    assert plain.delivery.on == KINDS
    assert gpio.sink == GpioConfig(pin=17, pulse_ms=3000, active_low=True)
    # A pin is for who is accepted, and not for long.
    assert gpio.delivery == DeliveryPolicy(on=("accepted",), max_age_s=2.0)
    assert mqtt.sink == MqttConfig(
        host="broker.local",
        user="door",
        password_file=Path("/etc/siamlite/mqtt"),
        ca_file=tmp_path / "ca.pem",
        topic="house/door",
    )
    assert mqtt.delivery.queue == 10


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "names 0 places"),
        ("pin = 17", "unknown section 'pin'; known are command, webhook, gpio, mqtt"),
        ("[gpio]\npin = 17", r"double brackets: \[\[gpio\]\]"),
        ("[[door]]\npin = 17", "unknown section 'door'"),
        ("[[gpio]]\npin = 17\npuls_ms = 4", "unknown key 'puls_ms'; known are active_low, .* pulse_ms"),
        ("[[gpio]]\npulse_ms = 4", "pin is missing"),
        ("[[gpio]]\npin = '17'", "pin takes a whole number, not '17'"),
        ("[[gpio]]\npin = true", "pin takes a whole number, not True"),
        ("[[gpio]]\npin = 17.0", "pin takes a whole number"),
        ("[[gpio]]\npin = 17\nactive_low = 1", "active_low takes true or false, not 1"),
        ("[[gpio]]\npin = 99", "pin must be from 0 to 27, not 99"),
        ("[[gpio]]\npin = 17\non = 'accepted'", "on takes a list of texts"),
        ("[[gpio]]\npin = 17\non = ['open']", "on takes some of accepted, .*camera, not"),
        ("[[gpio]]\npin = 17\nmax_age_s = nan", "max_age_s must be from"),
        ("[[command]]\nargv = 'open-door'", "argv takes a list of texts, not 'open-door'"),
        ("[[command]]\nargv = ['a', 1]", "argv takes a list of texts"),
        ("[[command]]\nargv = []", "argv takes a program"),
        ("[[webhook]]\nurl = 'https://d/'\nkey_file = 3", "key_file takes the path of a file"),
        ("[[webhook]]\nurl = 'https://d/'\nkey_file = ''", "key_file takes the path of a file"),
        ("[[webhook]]\nurl = 'https://d/'\nkey = 'secret'", "unknown key 'key'"),
        ("[[webhook]]\nurl = 'https://d/'\nkey_file = 'credential:a'", "not run by systemd"),
        ("[[mqtt]]\nhost = 'b'\npassword = 'secret'", "unknown key 'password'"),
        ("[[mqtt]]\nhost = 'b'\npassword_file = 'p'", "password_file needs a user"),
        ("[[mqtt]]\nhost = 'mqtt://b'", "host takes a name"),
        ("[[mqtt]]\nhost = 'b'\ntopic = 'a/#'", "topic takes words"),
        ("[[mqtt]]\nhost = 'b'\ntopic = ''", "topic takes words"),
        ("[[mqtt]]\nhost = 'b'\nport = 0", "port must be from"),
        ("[[mqtt]]\nhost = 'b'\ntls = false\nca_file = 'x'", "for TLS"),
        ("[[mqtt]]\nhost = 'b'\ncert_file = 'x'", "go together"),
        ("[[gpio", "is not valid TOML"),
        ("[[gpio]]\npin = 4\n" * 33, "names 33 places; 1 to 32"),
        ("a = " + "[" * 100_000, "is not valid TOML"),
    ],
)
def test_what_makes_no_sense_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "events.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=said) as caught:
        read_events(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_no_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read"):
        read_events(tmp_path / "none.toml")
    with pytest.raises(UsageError, match="cannot read"):
        read_events(tmp_path)
    (tmp_path / "binary").write_bytes(b"\xff\xfe\0")
    with pytest.raises(UsageError, match="not valid TOML"):
        read_events(tmp_path / "binary")
    (tmp_path / "huge").write_bytes(b"#" * (1 << 20) + b"\n")
    with pytest.raises(UsageError, match="larger than 1 MiB"):
        read_events(tmp_path / "huge")


@LAW
@given(st.binary(max_size=200) | st.text(alphabet="[]=\"'ab12.\n#{}", max_size=80).map(lambda text: text.encode()))
def test_no_file_gives_anything_but_an_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_bytes(data)
    with pytest.raises(UsageError):
        read_events(path)


def test_secrets_from_systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / "mqtt").write_text("hunter2\n")
    (tmp_path / "mqtt").chmod(0o440)
    assert secret_file("credential:mqtt", Path("/elsewhere")) == tmp_path / "mqtt"
    assert read_secret(secret_file("credential:mqtt", Path("/")), what="the password") == b"hunter2"
    for wrong in ("credential:", "credential:../x", "credential:.x", "credential:a/b"):
        with pytest.raises(UsageError, match="names no credential"):
            secret_file(wrong, tmp_path)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY")
    with pytest.raises(UsageError, match=r"may be read by others \(mode 0440\)"):
        read_secret(tmp_path / "mqtt", what="the password")


def test_secrets_are_files_and_not_endless(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(UsageError, match="is no file"):
        read_secret(tmp_path / "pipe", what="the key")
    with pytest.raises(UsageError, match=r"is no file|cannot read"):
        read_secret(tmp_path, what="the key")
    (tmp_path / "long").write_bytes(b"x" * 4097)
    (tmp_path / "long").chmod(0o600)
    with pytest.raises(UsageError, match="has 4097 bytes; 1 to 4096"):
        read_secret(tmp_path / "long", what="the key")
    (tmp_path / "empty").write_bytes(b"\n")
    (tmp_path / "empty").chmod(0o600)
    with pytest.raises(UsageError, match="has 0 bytes"):
        read_secret(tmp_path / "empty", what="the key")


def test_one_place_that_cannot_be_opened_closes_the_others(tmp_path: Path) -> None:
    path = tmp_path / "events.toml"
    path.write_text("[[command]]\nargv = ['true']\n[[webhook]]\nurl = 'https://d/'\nkey_file = 'none'\n")
    with pytest.raises(UsageError, match="cannot read the webhook's key"):
        open_outbox(path)
