"""What is asked of systemd, and whether it is there."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from edge_runtime.errors import CheckFailed, UsageError

_RUNNING = Path("/run/systemd/system")
_PATIENCE_S = 120


def require_systemd(*, root: bool) -> None:
    """Refuse where there is nothing to be done.

    Args:
        root: Whether it takes root's rights.

    Raises:
        UsageError: systemd does not run this machine (sd_booted(3)), or this is not root.
    """
    if not _RUNNING.is_dir() or shutil.which("systemctl") is None:
        raise UsageError(
            "systemd does not run this machine, so there is no service to manage. Run siamlite by what does; "
            "siamlite service install --dry-run … prints the unit."
        )
    if root and os.geteuid() != 0:
        raise UsageError("a service is installed by root. Run the same command with sudo; --dry-run prints the unit.")


def run(*words: str) -> str:
    """Run a program of the system; returns what it printed.

    Raises:
        CheckFailed: It is not there, takes too long or fails.
    """
    try:
        ran = subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_PATIENCE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CheckFailed(f"{' '.join(words)} cannot be run: {error}.") from error
    if ran.returncode != 0:
        said = " ".join(ran.stderr.split()) or f"exit code {ran.returncode}"
        raise CheckFailed(f"{' '.join(words)} failed: {said}")
    return ran.stdout


def properties(unit: str, *names: str) -> dict[str, str]:
    """What systemd knows of a unit.

    Raises:
        CheckFailed: systemd does not answer.
    """
    lines = run("systemctl", "show", unit, "--property", ",".join(names)).splitlines()
    found = dict(line.split("=", 1) for line in lines if "=" in line)
    return {name: found.get(name, "") for name in names}
