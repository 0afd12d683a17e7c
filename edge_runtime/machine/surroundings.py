"""What a device needs around the program: cameras, room on the disk, a clock that is right, a board that is cool."""

from __future__ import annotations

import importlib.util
import os
import shutil
import time
from pathlib import Path

from edge_runtime.home import home_folder
from edge_runtime.machine.device import device_name
from edge_runtime.machine.finding import Finding
from edge_runtime.machine.state import in_words, machine_state
from edge_runtime.sources.camera import list_cameras

_LITTLE_BYTES, _TOO_LITTLE_BYTES = 200_000_000, 20_000_000
_HOT_C = 80.0
_DAY_S = 86_400.0
# systemd makes this file when the clock was set by a time server.
_SYNCHRONISED = Path("/run/systemd/timesync/synchronized")


def look_around() -> list[Finding]:
    """Cameras, disk, clock and temperature of this machine."""
    return [cameras(), picamera(), disk(home_folder()), clock(), temperature()]


def cameras(names: Path = Path("/sys/class/video4linux")) -> Finding:
    """The devices that may be cameras, and whether this user may read them."""
    found = list_cameras()
    if not found:
        remedy = "plug one in, or use a video, pictures or a URL as --source"
        return Finding(name="cameras", status="missing", detail="no /dev/video* here", remedy=remedy)
    closed = [device for device in found if not os.access(device, os.R_OK | os.W_OK)]
    if closed:
        remedy = "sudo usermod -aG video $USER, and log in again"
        return Finding(name="cameras", status="broken", detail=f"not yours to read: {', '.join(closed)}", remedy=remedy)
    words = [f"{device}{_called(names / Path(device).name / 'name')}" for device in found]
    return Finding(name="cameras", status="ok", detail=", ".join(words))


def _called(path: Path) -> str:
    try:
        return f" ({path.read_text(encoding='utf-8').strip()})"
    except (OSError, UnicodeDecodeError):
        return ""


def picamera() -> Finding:
    """Whether picamera2, which only a Raspberry Pi has, can be imported."""
    if importlib.util.find_spec("picamera2") is not None:
        return Finding(name="picamera2", status="ok", detail="can be imported")
    if "Raspberry Pi" not in device_name():
        return Finding(name="picamera2", status="ok", detail="not here; only for the ribbon cameras of a Raspberry Pi")
    remedy = "sudo apt install python3-picamera2, and make the environment with python3 -m venv --system-site-packages"
    return Finding(name="picamera2", status="missing", detail="needed for ribbon cameras", remedy=remedy)


def disk(folder: Path) -> Finding:
    """Room for the gallery, recordings and downloads."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(there).free
    detail = f"{free / 1e9:.1f} GB free at {there}"
    if free >= _LITTLE_BYTES:
        return Finding(name="disk", status="ok", detail=detail)
    status = "broken" if free < _TOO_LITTLE_BYTES else "warning"
    return Finding(name="disk", status=status, detail=detail, remedy="delete something, or set SIAMLITE_HOME elsewhere")


def clock(*, now_s: float | None = None) -> Finding:
    """Whether the clock may be right: boards without a battery begin somewhere in the past."""
    now = time.time() if now_s is None else now_s
    shown = time.strftime("%Y-%m-%d %H:%M", time.localtime(now))
    if now < Path(__file__).stat().st_mtime - _DAY_S:
        detail = f"{shown}, before siamlite was installed: dates of enrolment and in logs would be wrong"
        return Finding(name="clock", status="warning", detail=detail, remedy="sudo timedatectl set-ntp true")
    known = ", set by a time server" if _SYNCHRONISED.exists() else ""
    return Finding(name="clock", status="ok", detail=f"{shown}{known}")


def temperature() -> Finding:
    """How hot the board is, and whether something slows it down."""
    state = machine_state()
    words = in_words(state)
    detail = ", ".join(f"{name} {words[name]}" for name in ("temperature", "throttled", "governor"))
    if state.throttled and any(word.startswith("under-voltage") for word in state.throttled):
        return Finding(name="board", status="warning", detail=detail, remedy="use a stronger power supply")
    if state.throttled or (state.temperature_c or 0) >= _HOT_C:
        return Finding(name="board", status="warning", detail=detail, remedy="give it a heat sink, a fan or shade")
    return Finding(name="board", status="ok", detail=detail)
