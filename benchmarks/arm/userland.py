"""The aarch64 user space: Python, an interpreter, its libraries, and the qemu that runs them, in one folder."""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from benchmarks.arm.packages import Wanted, copy_debs, download, find_program, unpack
from benchmarks.arm.sources import backports_of, read_sources, release_codename, with_suite
from benchmarks.arm.stages import is_whole, once
from benchmarks.arm.tools import run_tool
from benchmarks.arm.wheels import (
    InterpreterPin,
    ground_requirements,
    install_wheels,
    interpreter_requirements,
    read_lock,
)
from edge_runtime.errors import FetchError

ROOT = Path(__file__).resolve().parents[2]
_PYTHON = ("usr/bin/python3.[0-9]*",)
_QEMU = ("usr/bin/qemu-aarch64-static", "usr/bin/qemu-aarch64")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where the user space is made, and from what.

    Attributes:
        cache: Folder of everything.
        files: The user's own folder of ``.deb`` and ``.whl`` files, in place of all downloads.
        sources: The user's own list of Debian sources, in place of this machine's.
        qemu: The user's own qemu for aarch64, in place of Debian's.
    """

    cache: Path
    files: Path | None = None
    sources: Path | None = None
    qemu: Path | None = None

    @property
    def advice(self) -> str:
        """How to go on without network."""
        return (
            "It can be run again and goes on where it was. Without network: copy the folder of a machine that has "
            f"some to {self.cache}, or put the files into a folder and give it with --files DIR (docs/arm.md)."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Userland:
    """A user space that is ready to run.

    Attributes:
        root: Folder of the unpacked Debian packages.
        python: The emulated Python, below it.
        python_version: Such as ``3.11``.
        qemu: The emulator, a program of this machine.
    """

    root: Path
    python: Path
    python_version: str
    qemu: Path


def cache_root() -> Path:
    """``$SIAMLITE_CACHE/arm``, or ``.cache/arm`` in the checkout."""
    chosen = os.environ.get("SIAMLITE_CACHE")
    return (Path(chosen).expanduser().resolve() if chosen else ROOT / ".cache") / "arm"


def build(settings: Settings) -> Userland:
    """Make what is missing of the user space; a whole one needs no network.

    Raises:
        FetchError: Something is not to be had.
        MissingDependency: A program that is needed here is not installed.
        WriteError: The cache cannot be written.
    """
    root = _packages(settings, "python", ("python3", "libstdc++6"), "arm64", _PYTHON)
    python = find_program(root, _PYTHON, what="Python", advice=settings.advice)
    qemu = settings.qemu
    if qemu is None:
        here = run_tool(["dpkg", "--print-architecture"], doing="name this architecture", advice=settings.advice)
        home = _packages(settings, "qemu", ("qemu-user-static",), here.strip(), _QEMU)
        qemu = find_program(home, _QEMU, what="qemu", advice=settings.advice)
    return Userland(root=root, python=python, python_version=python.name.removeprefix("python"), qemu=qemu)


def add_interpreter(userland: Userland, pin: InterpreterPin, settings: Settings) -> list[Path]:
    """Make what is missing of an interpreter's libraries.

    Returns:
        The folders to import from.

    Raises:
        FetchError: A wheel is not to be had.
    """
    lock = read_lock(pin.project, ROOT)
    parts = {
        f"libraries-{pin.project}": ground_requirements(lock, userland.python_version),
        f"{pin.project}-{pin.version}": interpreter_requirements(pin, lock, userland.python_version),
    }
    folders = []
    for name, requirements in parts.items():

        def fill(into: Path, requirements: str = requirements) -> None:
            install_wheels(
                requirements,
                into,
                python_version=userland.python_version,
                keep=settings.cache / "wheels",
                files=settings.files,
                advice=settings.advice,
            )

        folder = settings.cache / f"{name}-python{userland.python_version}"
        inputs = {"requirements": _digest(requirements)}
        folders.append(once(folder, inputs, fill, what=f"fetching the aarch64 wheels of {name}"))
    return folders


def _packages(
    settings: Settings, name: str, wanted: tuple[str, ...], architecture: str, program: tuple[str, ...]
) -> Path:
    """Packages downloaded into one folder and unpacked into another, whose path is returned."""
    own = (
        _digest(settings.sources.read_text(errors="replace")) if settings.sources and settings.sources.is_file() else ""
    )
    inputs = {"packages": list(wanted), "architecture": architecture, "sources": own}
    debs = settings.cache / f"{name}-debs"
    root = settings.cache / name

    def fetch(into: Path) -> None:
        if settings.files is not None:
            copy_debs(settings.files, into, architecture)
        else:
            download(_choose(settings, wanted, architecture), into, advice=settings.advice)

    def fill(into: Path) -> None:
        try:
            unpack(debs, into, advice=f"It was thrown away. {settings.advice}")
            find_program(into, program, what=f"{wanted[0]} for {architecture}", advice=settings.advice)
        except FetchError:
            shutil.rmtree(debs, ignore_errors=True)
            raise
        loader = into / "usr/lib/ld-linux-aarch64.so.1"
        if loader.exists() and not (into / "lib").exists():
            # Debian 13's packages hold usr/lib alone; the link to it is made when a system is installed.
            (into / "lib").symlink_to("usr/lib")

    if not is_whole(root, inputs):
        once(debs, inputs, fetch, what=f"fetching {wanted[0]} for {architecture}")
    return once(root, inputs, fill, what=f"unpacking {wanted[0]} for {architecture}")


def _choose(settings: Settings, wanted: tuple[str, ...], architecture: str) -> Wanted:
    """The packages with the lists to find them by; qemu may have to come from a newer suite."""
    sources = read_sources(own=settings.sources)
    codename = release_codename()
    suite = backports_of(codename) if "qemu-user-static" in wanted and settings.sources is None else None
    if suite is not None:
        sources = {name: with_suite(text, codename, suite) for name, text in sources.items()}
    return Wanted(names=wanted, architecture=architecture, sources=sources, suite=suite)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
