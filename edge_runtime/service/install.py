"""Put the unit where systemd looks for it, and take it away again."""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Callable
from pathlib import Path

from edge_runtime.errors import UsageError, WriteError
from edge_runtime.files import write_bytes
from edge_runtime.service.unit import HOME, MARK, UNIT, ServiceSpec, unit_text

FOLDER = Path("/etc/systemd/system")

Run = Callable[..., str]


def unit_path(folder: Path = FOLDER) -> Path:
    """Where the unit is."""
    return folder / UNIT


def install(spec: ServiceSpec, run: Run, *, folder: Path = FOLDER, force: bool = False, start: bool = True) -> Path:
    """Write the unit, make its user if there is none, and let systemd start it, now and at each boot.

    Args:
        spec: The service.
        run: Runs a program (see :func:`edge_runtime.service.systemd.run`).
        folder: Where units are.
        force: Whether a unit that is there may be replaced.
        start: Whether it is started at once.

    Returns:
        The unit's path.

    Raises:
        UsageError: There is a unit already, or it is not siamlite's.
        WriteError: It cannot be written.
        CheckFailed: systemd or useradd failed.
    """
    path = unit_path(folder)
    if os.path.lexists(path):
        if not _ours(path):
            raise UsageError(f"{path} was not written by siamlite. Move it away first.")
        if not force:
            raise UsageError(
                f"{path} exists already. Replace it with --force, or remove it: siamlite service uninstall"
            )
    if not _known(pwd.getpwnam, spec.user):
        words = [
            "--system",
            "--user-group",
            "--no-create-home",
            "--home-dir",
            str(HOME),
            "--shell",
            "/usr/sbin/nologin",
        ]
        run("useradd", *words, spec.user)
    write_bytes(path, unit_text(spec).encode())
    run("systemctl", "daemon-reload")
    run("systemctl", "enable", UNIT)
    if start:
        run("systemctl", "restart", UNIT)
    return path


def uninstall(run: Run, *, folder: Path = FOLDER) -> Path:
    """Stop the service, and remove the unit. The user and what is in its home stay.

    Raises:
        UsageError: There is no unit, or it is not siamlite's.
        WriteError: It cannot be removed.
        CheckFailed: systemd failed.
    """
    path = unit_path(folder)
    if not os.path.lexists(path):
        raise UsageError(f"there is no {path}: the service is not installed.")
    if not _ours(path):
        raise UsageError(f"{path} was not written by siamlite; it is left alone.")
    run("systemctl", "disable", "--now", UNIT)
    try:
        path.unlink()
    except OSError as error:
        raise WriteError(f"cannot remove {path}: {error.strerror or error}.") from error
    run("systemctl", "daemon-reload")
    return path


def group_exists(name: str) -> bool:
    """Whether a group exists; a unit that names one that does not cannot start."""
    return _known(grp.getgrnam, name)


def closed_to_others(path: Path) -> Path | None:
    """The first folder or file on the way to a path that other users may not enter or read; None if all is open."""
    for part in (*reversed(path.parents), path):
        try:
            mode = part.stat().st_mode
        except OSError:
            return part
        if not mode & (0o001 if part.is_dir() else 0o004):
            return part
    return None


def _ours(path: Path) -> bool:
    try:
        return path.is_file() and path.read_text(encoding="utf-8", errors="replace").startswith(MARK)
    except OSError:
        return False


def _known(look: Callable[[str], object], name: str) -> bool:
    try:
        look(name)
    except KeyError:
        return False
    return True
