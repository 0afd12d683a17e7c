"""Lists of Debian sources, as this machine has them and as apt shall use them here."""

from __future__ import annotations

import platform
from pathlib import Path

from edge_runtime.errors import DataError, UsageError

# Debian 12's own qemu-user 7.2 crashes newer interpreters and computes int8 matrix products wrongly on its largest
# processor model; the backport of version 10 does neither.
_BACKPORTED = frozenset({"bookworm"})


def read_sources(machine: Path = Path("/etc/apt"), *, own: Path | None = None) -> dict[str, str]:
    """The lists of sources: this machine's, or the user's own file.

    Args:
        machine: Folder of apt's configuration.
        own: A ``.list`` or ``.sources`` file to take in place of all of them.

    Returns:
        The text of each file by its name.

    Raises:
        UsageError: The user's own file has another suffix.
        DataError: A file cannot be read, or there is none.
    """
    if own is not None and own.suffix not in (".list", ".sources"):
        raise UsageError(f"--sources takes a file that ends in .list or .sources, as apt does, not {own}.")
    found = [own] if own is not None else [machine / "sources.list", *sorted((machine / "sources.list.d").glob("*"))]
    files = [path for path in found if path.suffix in (".list", ".sources") and (path == own or path.is_file())]
    if not files:
        raise DataError(f"{machine} has no list of Debian sources. Give one with --sources FILE.")
    try:
        return {path.name: path.read_text(encoding="utf-8") for path in files}
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read a list of sources: {error}. Give one with --sources FILE.") from error


def backports_of(codename: str) -> str | None:
    """The suite that qemu must come from, or None where the release's own is good enough."""
    return f"{codename}-backports" if codename in _BACKPORTED else None


def with_suite(text: str, codename: str, suite: str) -> str:
    """A list of sources in which a suite stands beside a release, at the same places and trusted by the same keys.

    Args:
        text: The list, in apt's one-line or deb822 format.
        codename: The release, such as ``bookworm``; ``bookworm-security`` is another suite and left alone.
        suite: What to add.
    """
    lines = []
    for line in text.splitlines():
        words = line.split()
        named = codename in words and suite not in words
        if named and words[0].lower() == "suites:":
            line = f"{line.rstrip()} {suite}"
        lines.append(line)
        if named and words[0] == "deb":
            lines.append(" ".join(suite if word == codename else word for word in words))
    return "\n".join(lines) + "\n"


def release_codename() -> str:
    """The code name of the release that runs here (``bookworm``), or an empty text where it has none."""
    try:
        return platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    except OSError:
        return ""
