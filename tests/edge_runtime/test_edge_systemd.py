"""The service: its unit, its heartbeat, and that it is put in and taken away whole."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from edge_helpers import Command, in_python
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime.commands.cli import build_parser
from edge_runtime.errors import CheckFailed, UsageError
from edge_runtime.service import systemd
from edge_runtime.service.install import closed_to_others, install, uninstall
from edge_runtime.service.notify import Notifier
from edge_runtime.service.plan import camera_of
from edge_runtime.service.unit import MARK, UNIT, ServiceSpec, quoted, unit_text

BOOTED = Path("/run/systemd/system").is_dir()
not_booted = pytest.mark.skipif(BOOTED, reason="systemd runs this machine: nothing is tried on it")


def spec(**more: Any) -> ServiceSpec:
    values = {"program": (sys.executable, "-I", "-m", "edge_runtime"), "words": ("identify", "--source", "0")}
    return ServiceSpec(**{"camera": "video", **values, **more})


def lines(text: str, name: str) -> list[str]:
    return [line.partition("=")[2] for line in text.splitlines() if line.startswith(f"{name}=")]


@contextlib.contextmanager
def listening(address: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(address)
        ear.settimeout(30)
        yield ear


def test_systemd_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(str(tmp_path / "notify")) as ear:
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "1000")
        monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
        notifier = Notifier.from_environment()
        # No child is to answer in its place.
        assert not {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"} & set(os.environ)
        notifier.ready()
        notifier.status("camera 0 lost:\nit was pulled out")
        notifier.alive()
        notifier.stopping()
        said = [ear.recv(4096).decode() for _ in range(4)]
    assert said == ["READY=1\nSTATUS=watching", "STATUS=camera 0 lost: it was pulled out", "WATCHDOG=1", "STOPPING=1"]


def test_an_abstract_socket_will_do(tmp_path: Path) -> None:
    name = f"siamlite-test-{os.getpid()}"
    with listening("\0" + name) as ear:
        Notifier("@" + name).ready()
        assert ear.recv(4096).startswith(b"READY=1")


def test_the_watchdog_is_fed_no_more_than_it_needs(tmp_path: Path) -> None:
    with listening(str(tmp_path / "notify")) as ear:
        notifier = Notifier(str(tmp_path / "notify"), watchdog_s=3600)
        for _ in range(1000):
            notifier.alive()
        Notifier(str(tmp_path / "notify")).alive()
        Notifier(str(tmp_path / "notify")).status("end")
        assert [ear.recv(64), ear.recv(64)] == [b"WATCHDOG=1", b"STATUS=end"]


def test_nobody_who_listens_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"):
        monkeypatch.delenv(name, raising=False)
    Notifier.from_environment().ready()
    Notifier(str(tmp_path / "none"), watchdog_s=1).alive()
    with listening(str(tmp_path / "full")) as ear:
        # Nobody reads: a full queue must not hold up a frame. Were it to, this would not end.
        for _ in range(10_000):
            Notifier(str(tmp_path / "full"), watchdog_s=0.0001).alive()
        assert ear.recv(64) == b"WATCHDOG=1"


def test_another_process_does_not_feed_the_watchdog(monkeypatch: pytest.MonkeyPatch) -> None:
    for pid, usec, expected in (("1", "5", None), (str(os.getpid()), "5", 5e-6), (str(os.getpid()), "x", None)):
        monkeypatch.setenv("WATCHDOG_PID", pid)
        monkeypatch.setenv("WATCHDOG_USEC", usec)
        assert Notifier.from_environment()._watchdog_s == expected


def test_a_camera_alone_has_neither_network_nor_other_devices() -> None:
    text = unit_text(spec(groups=("video",)))
    assert lines(text, "DeviceAllow") == ["char-video4linux rw"]
    assert lines(text, "SupplementaryGroups") == ["video"]
    assert lines(text, "RestrictAddressFamilies") == ["AF_UNIX"]
    assert lines(text, "PrivateNetwork") == ["yes"]
    for name, value in (("NoNewPrivileges", "yes"), ("ProtectSystem", "strict"), ("ProtectHome", "yes")):
        assert lines(text, name) == [value]
    assert lines(text, "User") == ["siamlite"]
    assert lines(text, "WatchdogSec") == ["60"]


def test_what_is_asked_for_is_opened_and_no_more() -> None:
    text = unit_text(spec(camera="", network=True))
    assert lines(text, "DeviceAllow") == []
    assert lines(text, "PrivateDevices") == ["yes"]
    assert lines(text, "RestrictAddressFamilies") == ["AF_UNIX AF_INET AF_INET6"]
    assert not lines(text, "PrivateNetwork")
    assert not lines(text, "IPAddressDeny")
    pins = unit_text(spec(camera="", pins=True, groups=("gpio",)))
    assert lines(pins, "DeviceAllow") == ["char-gpiochip rw"]
    assert not lines(pins, "PrivateDevices")
    secret = unit_text(spec(credentials=(("siamlite-gallery-key", Path("/etc/siamlite/100%.key")),)))
    assert lines(secret, "LoadCredential") == ["siamlite-gallery-key:/etc/siamlite/100%%.key"]


@pytest.mark.parametrize(
    ("source", "kind"),
    [("0", "video"), ("/dev/video3", "video"), ("/dev/v4l/by-id/a", "video"), ("picamera", "picamera"),
     ("picamera:1", "picamera"), ("rtsp://u:p@c/x", ""), ("/srv/door.mp4", "")],
)  # fmt: skip
def test_the_device_follows_from_the_source(source: str, kind: str) -> None:
    assert camera_of(source) == kind


def test_a_word_stays_one_word() -> None:
    assert quoted("--source") == "--source"
    assert quoted("/dev/v4l/by-id/a b") == '"/dev/v4l/by-id/a b"'
    assert quoted("100%") == '"100%%"'
    assert quoted('$HOME "\\') == '"$$HOME \\"\\\\"'
    assert quoted("") == '""'
    assert quoted(";") == '";"'
    for bad in ("a\nExecStartPre=/bin/sh", "a\0", "a\x1b"):
        with pytest.raises(UsageError, match="no control characters"):
            quoted(bad)


@pytest.mark.parametrize(
    "wrong",
    [
        {"user": "root"}, {"user": "a b"}, {"user": "x\nUser=root"}, {"watchdog_s": 9}, {"program": ("python",)},
        {"credentials": (("a b", Path("/k")),)}, {"credentials": (("k", Path("relative")),)},
        {"credentials": (("k", Path("/a\nUser=root")),)}, {"credentials": (("k", Path("/a:b")),)},
    ],
)  # fmt: skip
def test_what_no_unit_can_hold_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        spec(**wrong)


needs_analyze = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not there")


def analyze(*words: str, path: Path) -> subprocess.CompletedProcess[str]:
    ran = ["systemd-analyze", *words, str(path)]
    return subprocess.run(ran, capture_output=True, text=True, timeout=120, check=False)


@needs_analyze
def test_systemd_takes_every_kind_of_unit(tmp_path: Path) -> None:
    path = tmp_path / UNIT
    kinds = itertools.product(("video", "picamera", ""), (False, True), (False, True))
    for camera, network, pins in kinds:
        more: dict[str, Any] = {"camera": camera, "network": network, "pins": pins}
        path.write_text(unit_text(spec(**more, credentials=(("key", Path("/etc/hostname")),))))
        ran = analyze("verify", path=path)
        assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", ""), more


@needs_analyze
def test_systemd_finds_an_error_where_there_is_one(tmp_path: Path) -> None:
    """What the tests above rely on."""
    path = tmp_path / UNIT
    path.write_text(unit_text(spec()).replace("ProtectSystem=strict", "ProtectSystem=somewhat"))
    assert "Failed to parse protect system value" in analyze("verify", path=path).stderr


@needs_analyze
@settings(deadline=None, max_examples=15)
@given(
    st.lists(
        st.text(st.characters(exclude_categories=["C", "Z"], include_characters=" "), max_size=12),
        min_size=1,
        max_size=4,
    )
)
def test_systemd_takes_any_printable_options(tmp_path_factory: pytest.TempPathFactory, words: list[str]) -> None:
    path = tmp_path_factory.getbasetemp() / UNIT
    path.write_text(unit_text(spec(words=tuple(words))))
    ran = analyze("verify", path=path)
    assert (ran.returncode, ran.stderr) == (0, "")


@needs_analyze
def test_the_unit_is_as_closed_as_it_says(tmp_path: Path) -> None:
    """systemd's own mark: 0 is the safest and 100 the least safe (here in tenths of what it prints)."""
    path = tmp_path / UNIT
    for more, limit in (({"groups": ("video",)}, 15), ({"camera": "picamera", "network": True, "pins": True}, 25)):
        path.write_text(unit_text(spec(**more)))
        ran = analyze("security", "--offline=true", f"--threshold={limit}", "--no-pager", path=path)
        assert ran.returncode == 0, ran.stdout[-500:]


class Machine:
    """Stands in for the programs of the system: keeps what it is asked, and fails where it is told."""

    def __init__(self, *, fails: str = "") -> None:
        self.asked: list[str] = []
        self._fails = fails

    def __call__(self, *words: str) -> str:
        self.asked.append(" ".join(words))
        if self._fails and self._fails in self.asked[-1]:
            raise CheckFailed(f"{self.asked[-1]} failed")
        return ""


def test_install_and_uninstall(tmp_path: Path) -> None:
    machine = Machine()
    path = install(spec(user="nobody"), machine, folder=tmp_path)
    assert path.read_text() == unit_text(spec(user="nobody"))
    assert path.stat().st_mode & 0o777 == 0o644
    assert machine.asked == ["systemctl daemon-reload", f"systemctl enable {UNIT}", f"systemctl restart {UNIT}"]
    with pytest.raises(UsageError, match="exists already"):
        install(spec(), machine, folder=tmp_path)
    machine = Machine()
    install(spec(user="nobody", watchdog_s=30), machine, folder=tmp_path, force=True, start=False)
    assert lines(path.read_text(), "WatchdogSec") == ["30"]
    assert f"systemctl restart {UNIT}" not in machine.asked
    machine = Machine()
    assert uninstall(machine, folder=tmp_path) == path
    assert machine.asked == [f"systemctl disable --now {UNIT}", "systemctl daemon-reload"]
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UsageError, match="not installed"):
        uninstall(machine, folder=tmp_path)


def test_a_user_of_its_own_is_made(tmp_path: Path) -> None:
    machine = Machine(fails="useradd")
    with pytest.raises(CheckFailed, match="useradd --system"):
        install(spec(user="siamlite-test-nobody"), machine, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_anothers_unit_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / UNIT).write_text("[Service]\nExecStart=/bin/true\n")
    for change in (
        lambda: install(spec(), Machine(), folder=tmp_path, force=True),
        lambda: uninstall(Machine(), folder=tmp_path),
    ):
        with pytest.raises(UsageError, match="was not written by siamlite"):
            change()
    assert (tmp_path / UNIT).read_text().startswith("[Service]")


def test_a_program_in_a_closed_folder_is_seen(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    file = tmp_path / "closed/python"
    file.parent.mkdir(mode=0o755)
    file.write_text("")
    file.chmod(0o644)
    before = closed_to_others(file)
    assert before is None or before in file.parents  # pytest's own folders may be closed
    file.parent.chmod(0o700)
    assert closed_to_others(file) in (before, file.parent)
    assert closed_to_others(Path("/usr/bin/env")) is None
    assert closed_to_others(Path("/none/at/all")) == Path("/none")


def test_programs_that_fail_are_one_line() -> None:
    with pytest.raises(CheckFailed, match="cannot be run"):
        systemd.run("/none/at/all")
    with pytest.raises(CheckFailed, match="failed: exit code 1"):
        systemd.run("false")
    assert systemd.run("echo", "yes") == "yes\n"


def test_the_command_prints_a_unit_that_it_can_run(siamlite: Command, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("x")
    events = tmp_path / "events.toml"
    events.write_text("[[gpio]]\npin = 17\n[[mqtt]]\nhost = 'b'\nuser = 'u'\npassword_file = 'credential:mqtt'\n")
    words = ["service", "install", "--dry-run", "--key-file", tmp_path / "key", "--credential", f"mqtt={tmp_path}/key"]
    code, out, _ = siamlite(*words, "--", "--source", "/dev/video0", "--events", events)
    assert code == 0
    assert out.startswith(MARK)
    (start,) = lines(out, "ExecStart")
    assert lines(out, "LoadCredential") == [f"siamlite-gallery-key:{tmp_path}/key", f"mqtt:{tmp_path}/key"]
    assert lines(out, "DeviceAllow") == ["char-video4linux rw", "char-gpiochip rw"]
    assert lines(out, "RestrictAddressFamilies") == ["AF_UNIX AF_INET AF_INET6"]
    python, *options = start.split()
    assert python == sys.executable
    assert options[:3] == ["-I", "-m", "edge_runtime"]
    parsed = build_parser().parse_args(options[3:])
    assert (parsed.source, parsed.events) == ("/dev/video0", events)
    code, out, _ = siamlite("service", "install", "--dry-run", "--json", "--", "--source", "rtsp://camera/door")
    assert code == 0
    assert '"path": "/etc/systemd/system/siamlite.service"' in out


def test_what_the_service_could_not_do_is_said_before(siamlite: Command, tmp_path: Path) -> None:
    events = tmp_path / "events.toml"
    events.write_text("[[mqtt]]\nhost = 'b'\nuser = 'u'\npassword_file = 'credential:mqtt'\n")
    dry = ("service", "install", "--dry-run")
    assert "absolute paths: --gallery /" in siamlite.fails(2, *dry, "--", "--source", "0", "--gallery", "g.db")
    assert "absolute paths: --source /" in siamlite.fails(2, *dry, "--", "--source", "door.mp4")
    assert "--credential mqtt=/PATH" in siamlite.fails(2, *dry, "--", "--source", "0", "--events", events)
    assert "takes NAME=/PATH" in siamlite.fails(2, *dry, "--credential", "mqtt", "--", "--source", "0")
    missing = siamlite.fails(2, *dry, "--key-file", tmp_path / "none", "--", "--source", "0")
    assert "siamlite-gallery-key is the absolute path of a file that is there" in missing
    assert siamlite(*dry, "--", "--source")[0] == 2
    assert siamlite(*dry, "--", "--sauce", "0")[0] == 2


def test_what_is_doubtful_is_said(siamlite: Command, tmp_path: Path) -> None:
    dry = ("service", "install", "--dry-run", "--")
    code, out, err = siamlite(*dry, "--source", "rtsp://anna:hunter2@camera/door")
    assert code == 0
    assert "everybody on this machine can read it" in err
    assert "hunter2" not in err
    assert lines(out, "RestrictAddressFamilies") == ["AF_UNIX AF_INET AF_INET6"]
    events = tmp_path / "events.toml"
    events.write_text("[[gpio]]\npin = 17\n")
    events.chmod(0o600)
    _, _, err = siamlite(*dry, "--source", "0", "--events", events)
    assert "is closed to others: see to it that siamlite may read" in err
    assert siamlite(*dry, "--source", "0")[2] == ""


@not_booted
def test_without_systemd_it_refuses_politely(siamlite: Command) -> None:
    for words in (("install", "--", "--source", "0"), ("status",), ("uninstall",)):
        assert "systemd does not run this machine" in siamlite.fails(2, "service", *words)


def test_without_root_it_refuses_politely(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(systemd, "_RUNNING", tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    if shutil.which("systemctl") is None:
        pytest.skip("systemctl is not there")
    systemd.require_systemd(root=False)
    with pytest.raises(UsageError, match="installed by root"):
        systemd.require_systemd(root=True)


def test_what_watching_asks_for_cannot_be_made_executable(tiny_tower_path: Path) -> None:
    """MemoryDenyWriteExecute= in small: a tower loads where no memory may become executable (prctl(2))."""
    code = (
        "import ctypes, sys; from edge_runtime.towers.tower import Tower; "
        "denied = ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) == 0; tower = Tower.load(sys.argv[1]); "
        "print(denied, tower.embedding_length)"
    )
    ran = in_python(code, tiny_tower_path)
    assert ran.returncode == 0, ran.stderr
    if ran.stdout.startswith("False"):
        pytest.skip("this kernel is older than 6.3 and cannot deny it")
    assert ran.stdout == "True 64\n"
