"""An environment for each peer, made by pip from its requirements; how large it is."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

from edge_runtime.errors import FetchError, MissingDependency, WriteError
from edge_runtime.files import sha256_bytes, write_bytes

_TIMEOUT_S = 1800
_MARK = ".requirements"


def make_environment(folder: Path, requirements: tuple[str, ...], *, links: Path | None = None) -> Path:
    """Make a virtual environment, or take the one that was made from the same requirements.

    Peers with the same requirements share one. pip is that of this environment: none is installed into the new one,
    so that its size is the packages'.

    Args:
        folder: Holds the environments.
        requirements: What is installed.
        links: A folder of wheels to take them from instead of the package index.

    Returns:
        Its Python.

    Raises:
        FetchError: A package is not to be had.
        MissingDependency: This Python cannot make environments.
        WriteError: The folder cannot be written.
    """
    home = folder / sha256_bytes("\n".join(requirements).encode())[:12]
    python = home / "bin/python"
    if (home / _MARK).is_file():
        return python
    try:
        venv.create(home, clear=True, with_pip=False, symlinks=True)
    except OSError as error:
        raise WriteError(f"cannot make an environment in {home}: {error.strerror or error}.") from error
    except subprocess.CalledProcessError as error:
        raise MissingDependency("this Python cannot make environments; on Debian: apt install python3-venv") from error
    if requirements:
        _install(python, requirements, links)
    write_bytes(home / _MARK, "\n".join(requirements).encode())
    return python


def _install(python: Path, requirements: tuple[str, ...], links: Path | None) -> None:
    command = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(python),
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]
    command += ["--no-index", "--find-links", str(links)] if links else []
    command += requirements
    ran = subprocess.run(
        command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False, stdin=subprocess.DEVNULL
    )
    if ran.returncode:
        lines = ran.stderr.splitlines() or ["no answer"]
        last = next((line for line in reversed(lines) if "ERROR" in line), lines[-1])
        raise FetchError(
            f"pip cannot install {', '.join(requirements)}: {last[:200]} "
            "Without network: give a folder of wheels with --files DIR."
        )


def environment_bytes(python: Path) -> int:
    """Size of the packages of an environment, without what Python compiled of them."""
    root = python.parents[1] / "lib"
    paths = (path for path in root.rglob("*") if path.suffix != ".pyc" and path.is_file() and not path.is_symlink())
    return sum(path.stat().st_size for path in paths)
