"""Wheels for the emulated Python: numpy and OpenCV as the device's lock pins them, and an interpreter to compare."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from benchmarks.arm.tools import run_tool
from edge_runtime.errors import DataError, FetchError, UsageError
from edge_runtime.files import write_bytes

# The interpreters that siamlite runs on a device, each with the lock of its environment.
LOCKS = {"ai-edge-litert": "edge.txt", "tflite-runtime": "tflite-runtime.txt"}
GROUND = ("numpy", "opencv-python-headless")
# The C libraries that wheels may ask for: the oldest in use, and Debian 12's.
_GLIBC = range(17, 37)


@dataclass(frozen=True, slots=True, kw_only=True)
class InterpreterPin:
    """An interpreter to emulate.

    Attributes:
        project: ``ai-edge-litert`` or ``tflite-runtime``.
        version: Its version.
    """

    project: str
    version: str

    def __str__(self) -> str:
        """As pip writes it."""
        return f"{self.project}=={self.version}"


def parse_pin(text: str) -> InterpreterPin:
    """Read ``ai-edge-litert==2.3.0``.

    Raises:
        UsageError: It is something else.
    """
    project, _, version = text.partition("==")
    if project not in LOCKS or not version or not version.replace(".", "").isalnum():
        raise UsageError(
            f"--interpreter takes one of {', '.join(LOCKS)} with its version, such as ai-edge-litert==2.3.0, "
            f"not {text!r}."
        )
    return InterpreterPin(project=project, version=version)


def locked(lock: str, python_version: str) -> dict[str, str]:
    """What a lock pins for Python on an aarch64 Linux.

    Args:
        lock: Text of a lock, in pip's format with hashes.
        python_version: The emulated Python's, such as ``3.11``.

    Returns:
        For each project its lines in the lock, without the condition: version and hashes.

    Raises:
        DataError: It is no lock.
    """
    there = {
        "python_version": python_version,
        "python_full_version": f"{python_version}.0",
        "sys_platform": "linux",
        "platform_machine": "aarch64",
        "platform_python_implementation": "CPython",
    }
    found: dict[str, str] = {}
    entry = ""
    for line in [*lock.splitlines(), "end"]:
        if line[:1].isspace():
            entry += f"{line}\n"
            continue
        head, _, hashes = entry.partition("\n")
        if head:
            try:
                requirement = Requirement(head.rstrip("\\ "))
            except InvalidRequirement as error:
                raise DataError(f"the lock has a line that pip would not take: {head}") from error
            if requirement.marker is None or requirement.marker.evaluate(there):
                found[requirement.name] = f"{requirement.name}{requirement.specifier} \\\n{hashes}"
        entry = f"{line}\n" if line.strip() and not line.startswith("#") else ""
    return found


def ground_requirements(lock: str, python_version: str) -> str:
    """Requirements of numpy and OpenCV, with hashes.

    Raises:
        DataError: The lock lacks one of them.
    """
    pins = locked(lock, python_version)
    missing = [name for name in GROUND if name not in pins]
    if missing:
        raise DataError(f"the lock does not pin {' and '.join(missing)} for Python {python_version} on aarch64.")
    return "".join(pins[name] for name in GROUND)


def interpreter_requirements(pin: InterpreterPin, lock: str, python_version: str) -> str:
    """Requirement of an interpreter: with hashes if it is the locked version, else by its version alone."""
    entry = locked(lock, python_version).get(pin.project, "")
    return entry if entry.startswith(f"{pin} ") else f"{pin}\n"


def pip_platform(python_version: str) -> list[str]:
    """Options of pip that ask for wheels of an aarch64 Linux instead of this machine."""
    options = ["--only-binary=:all:", "--implementation", "cp", "--python-version", python_version]
    for tag in ("manylinux2014", *(f"manylinux_2_{minor}" for minor in _GLIBC)):
        options += ["--platform", f"{tag}_aarch64"]
    return options


def install_wheels(
    requirements: str, into: Path, *, python_version: str, keep: Path, files: Path | None, advice: str
) -> None:
    """Download wheels, and unpack them.

    Args:
        requirements: What to have, in pip's format.
        into: Folder of the unpacked packages.
        python_version: The emulated Python's.
        keep: Folder that the wheels themselves are kept in.
        files: The user's own folder of wheels, for use without network.
        advice: How the user goes on when it fails.

    Raises:
        FetchError: One of them is not to be had, or has another hash than the lock says.
    """
    names = ", ".join(line.split()[0] for line in requirements.splitlines() if not line[:1].isspace())
    wanted = write_bytes(into / "wanted.txt", requirements.encode())
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input"]
    common = ["--no-deps", *pip_platform(python_version), "--requirement", str(wanted)]
    source = ["--no-index", "--find-links", str(files)] if files is not None else []
    # pip chose the wheels for the other Python, and would refuse to unpack them for not being this one's.
    unpacking = ["--no-index", "--no-compile", "--ignore-requires-python"]
    keep.mkdir(parents=True, exist_ok=True)
    run_tool(
        [*pip, "download", *common, *source, "--dest", keep],
        doing=f"download {names} for aarch64 and Python {python_version}",
        advice=advice,
    )
    run_tool(
        [*pip, "install", *common, *unpacking, "--find-links", keep, "--target", into],
        doing=f"unpack {names}",
        advice=advice,
    )
    wanted.unlink()


def read_lock(project: str, root: Path) -> str:
    """Text of the lock that an interpreter belongs to.

    Raises:
        FetchError: The checkout lacks it.
    """
    path = root / "requirements" / LOCKS[project]
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise FetchError(f"cannot read {path}: {error.strerror or error}. Run this in a whole checkout.") from error
