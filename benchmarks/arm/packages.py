"""Debian packages of any architecture, downloaded and unpacked by an ordinary user.

apt is given folders of its own below the cache, an empty list of installed packages and an architecture; it then
resolves, downloads and checks (signatures and hashes) as it would for a new machine. Nothing is installed:
``dpkg-deb -x`` only unpacks archives into a folder.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.arm.tools import run_tool
from edge_runtime.errors import FetchError
from edge_runtime.files import write_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Packages to have.

    Attributes:
        names: Their names; what they depend on comes with them.
        architecture: Debian's name of it, such as ``arm64``.
        sources: Lists of sources by file name, as :func:`benchmarks.arm.sources.read_sources` gives them.
        suite: The suite to prefer, if it is not the release's own.
    """

    names: tuple[str, ...]
    architecture: str
    sources: Mapping[str, str]
    suite: str | None = None


def apt_configuration(folder: Path, architecture: str, network: str = "") -> str:
    """Configuration of apt for a folder of its own.

    The keys that sign the archives stay this machine's. An empty sandbox user keeps apt, when root runs it, from
    becoming a user who may not read the folder.

    Args:
        folder: Everything that apt writes goes in here.
        architecture: Debian's name of it.
        network: This machine's own settings of proxies and certificates (see :func:`network_settings`).
    """
    lines = [
        f'Dir::Etc "{folder}/etc";',
        f'Dir::State "{folder}/state";',
        f'Dir::State::status "{folder}/status";',
        f'Dir::Cache "{folder}/cache";',
        'Dir::Etc::trusted "/etc/apt/trusted.gpg";',
        'Dir::Etc::trustedparts "/etc/apt/trusted.gpg.d";',
        'Dir::Etc::netrc "/etc/apt/auth.conf";',
        'Dir::Etc::netrcparts "/etc/apt/auth.conf.d";',
        f'APT::Architecture "{architecture}";',
        f'APT::Architectures {{ "{architecture}"; }};',
        'APT::Sandbox::User "";',
        'APT::Install-Recommends "false";',
        'Acquire::Languages "none";',
        'Acquire::Retries "2";',
    ]
    return network + "\n".join(lines) + "\n"


def network_settings(dump: str) -> str:
    """The lines of ``apt-config dump`` that say how to reach the network: a private apt must not forget the proxy."""
    kept = ("Acquire::http", "Acquire::https", "Acquire::Check-")
    return "".join(f"{line}\n" for line in dump.splitlines() if line.startswith(kept))


def download(wanted: Wanted, into: Path, *, advice: str) -> None:
    """Download packages and all that they depend on.

    Args:
        wanted: What to have.
        into: Folder that the ``.deb`` files are put in.
        advice: How the user goes on when it fails.

    Raises:
        MissingDependency: There is no apt here.
        FetchError: A list or a package is not to be had, or is not what the archive signed.
    """
    doing = f"download {', '.join(wanted.names)} for {wanted.architecture}"
    folder = into / "apt"
    for name in ("etc/sources.list.d", "etc/preferences.d", "etc/apt.conf.d", "state", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    for name, text in wanted.sources.items():
        write_bytes(folder / "etc/sources.list.d" / name, text.encode())
    write_bytes(folder / "status", b"")
    network = network_settings(run_tool(["apt-config", "dump"], doing=doing, advice=advice))
    configuration = write_bytes(folder / "apt.conf", apt_configuration(folder, wanted.architecture, network).encode())
    environment = {"APT_CONFIG": str(configuration), "DEBIAN_FRONTEND": "noninteractive"}
    update = ["apt-get", "update", "-qq"]
    run_tool(update, doing=doing, advice=advice, environment=environment)
    command = ["apt-get", "install", "-qq", "--yes", "--download-only", *wanted.names]
    if wanted.suite is not None:
        command[2:2] = ["-t", wanted.suite]
    try:
        run_tool(command, doing=doing, advice=advice, environment=environment)
    except FetchError:
        # A list that could not be fetched is only a warning to apt, and perhaps one that is not needed. It is now.
        strictly = [*update, "-o", "APT::Update::Error-Mode=any"]
        run_tool(strictly, doing=doing, advice=advice, environment=environment)
        raise
    for path in sorted((folder / "cache/archives").glob("*.deb")):
        path.rename(into / path.name)
    shutil.rmtree(folder)


def copy_debs(source: Path, into: Path, architecture: str) -> None:
    """Take ``.deb`` files of an architecture out of the user's own folder.

    Raises:
        FetchError: There is none.
    """
    found = [path for end in (architecture, "all") for path in sorted(source.glob(f"*_{end}.deb"))]
    for path in found:
        shutil.copyfile(path, into / path.name)
    if not found:
        raise FetchError(f"{source} holds no .deb file for {architecture}. See docs/arm.md for what belongs there.")


def unpack(debs: Path, into: Path, *, advice: str) -> None:
    """Unpack the ``.deb`` files of a folder into another one.

    Raises:
        MissingDependency: There is no dpkg-deb here.
        FetchError: One of them is truncated or no package.
    """
    for path in sorted(debs.glob("*.deb")):
        run_tool(["dpkg-deb", "-x", path, into], doing=f"unpack {path.name}", advice=advice)


def find_program(root: Path, patterns: Sequence[str], *, what: str, advice: str) -> Path:
    """The first file below a folder that fits a pattern.

    Raises:
        FetchError: None does: the packages were not all there.
    """
    for pattern in patterns:
        for path in sorted(root.glob(pattern)):
            if path.is_file():
                return path
    raise FetchError(f"the packages unpacked in {root} hold no {what}. {advice}")
