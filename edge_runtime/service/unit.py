"""The unit that systemd runs siamlite by: what it may touch is as little as its camera and its places ask for.

The directives are those of systemd.exec(5), systemd.service(5) and systemd.resource-control(5).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.errors import UsageError

UNIT = "siamlite.service"
USER = "siamlite"
HOME = Path("/var/lib/siamlite")
# Says whose the file is: nothing without this line is replaced or removed.
MARK = "# Written by siamlite service install."

_CREDENTIAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,30}")
_WORD = re.compile(r"[A-Za-z0-9_./:,=@+-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSpec:
    """A service.

    Attributes:
        program: The words that start siamlite; the first is an absolute path.
        words: The command and its options.
        camera: ``"video"`` for Video4Linux, ``"picamera"`` for the Raspberry Pi's own, ``""`` for none.
        network: Whether the source or a place outside is on the network.
        pins: Whether a pin is switched.
        groups: Groups that may use those devices.
        credentials: Secrets by name, each with the absolute path of its file: systemd hands them to the service alone.
        user: Who it runs as.
        watchdog_s: After so many seconds without a frame it is started anew.
        reads_homes: Whether something that it needs lies in somebody's home folder.
    """

    program: tuple[str, ...]
    words: tuple[str, ...]
    camera: str
    network: bool = False
    pins: bool = False
    groups: tuple[str, ...] = ()
    credentials: tuple[tuple[str, Path], ...] = ()
    user: str = USER
    watchdog_s: int = 60
    reads_homes: bool = False

    def __post_init__(self) -> None:
        """Refuse what no unit can hold."""
        if not self.program or not Path(self.program[0]).is_absolute():
            raise UsageError(f"the program of a service is an absolute path, not {self.program[:1]}.")
        if not _USER.fullmatch(self.user) or self.user == "root":
            raise UsageError(f"a service runs as a user of its own, such as {USER!r}, not {self.user!r}.")
        if not 10 <= self.watchdog_s <= 3600:
            raise UsageError(f"the watchdog takes 10 to 3600 seconds, not {self.watchdog_s}.")
        for name, path in self.credentials:
            plain = path.is_absolute() and str(path).isprintable() and not set(str(path)) & set(':"\\')
            if not _CREDENTIAL.fullmatch(name) or not plain:
                raise UsageError(f"a credential is NAME=/ABSOLUTE/PATH, without quotes or colons, not {name}={path}.")


def unit_text(spec: ServiceSpec) -> str:
    """The unit's file."""
    sections = {
        "Unit": [
            "Description=siamlite: verification of faces",
            "Documentation=man:systemd.service(5)",
            "After=network-online.target" if spec.network else "After=local-fs.target",
            *(["Wants=network-online.target"] if spec.network else []),
            # However often the camera fails, there is no last attempt.
            "StartLimitIntervalSec=0",
        ],
        "Service": [*_process(spec), *_devices(spec), *_network(spec), *_walls(spec)],
        "Install": ["WantedBy=multi-user.target"],
    }
    parts = [f"[{name}]\n" + "\n".join(lines) + "\n" for name, lines in sections.items()]
    return f"{MARK}\n" + "\n".join(parts)


def quoted(word: str) -> str:
    """A word as ExecStart= takes it for itself: no specifier, no variable and no quote in it means anything.

    Raises:
        UsageError: It has a control character.
    """
    if not word.isprintable():
        raise UsageError(f"a service takes no control characters in its options: {word!r}.")
    doubled = word.replace("%", "%%")
    if _WORD.fullmatch(word):
        return doubled
    # In quotes a dollar that is doubled is a dollar, and a backslash escapes.
    return '"' + doubled.replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$") + '"'


def _process(spec: ServiceSpec) -> list[str]:
    return [
        "Type=notify",
        "NotifyAccess=main",
        f"ExecStart={' '.join(quoted(word) for word in (*spec.program, *spec.words))}",
        f"User={spec.user}",
        f"Environment=SIAMLITE_HOME={HOME}",
        f"WorkingDirectory={HOME}",
        f"StateDirectory={HOME.name}",
        "StateDirectoryMode=0700",
        *(f"LoadCredential={name}:{_path(path)}" for name, path in spec.credentials),
        # As Ctrl-C: pins are switched off, a video is ended, and the exit code is 130.
        "KillSignal=SIGINT",
        "SuccessExitStatus=130",
        "TimeoutStopSec=20",
        "TimeoutStartSec=180",
        f"WatchdogSec={spec.watchdog_s}",
        "Restart=always",
        "RestartSec=5",
    ]


def _devices(spec: ServiceSpec) -> list[str]:
    lines = ["DevicePolicy=closed"]
    if spec.camera:
        lines.append("DeviceAllow=char-video4linux rw")
    if spec.camera == "picamera":
        lines += [f"DeviceAllow={name} rw" for name in ("char-media", "char-dma_heap", "char-vchiq", "char-vcio")]
    if spec.pins:
        lines.append("DeviceAllow=char-gpiochip rw")
    if not spec.camera and not spec.pins:
        lines.append("PrivateDevices=yes")
    if spec.groups:
        lines.append(f"SupplementaryGroups={' '.join(spec.groups)}")
    return lines


def _network(spec: ServiceSpec) -> list[str]:
    # libcamera asks udev for its devices by netlink.
    families = ["AF_UNIX", *(["AF_NETLINK"] if spec.camera == "picamera" else [])]
    if spec.network:
        return [f"RestrictAddressFamilies={' '.join([*families, 'AF_INET', 'AF_INET6'])}"]
    lines = [f"RestrictAddressFamilies={' '.join(families)}", "IPAddressDeny=any"]
    # A network of its own would hide udev's messages.
    return lines if spec.camera == "picamera" else [*lines, "PrivateNetwork=yes"]


def _walls(spec: ServiceSpec) -> list[str]:
    """What is closed whatever the camera is."""
    yes = (
        *("NoNewPrivileges", "PrivateTmp", "ProtectClock", "ProtectControlGroups", "ProtectHostname"),
        *(
            "ProtectKernelLogs",
            "ProtectKernelModules",
            "ProtectKernelTunables",
            "LockPersonality",
            "RestrictNamespaces",
        ),
        *("RestrictRealtime", "RestrictSUIDSGID", "RemoveIPC", "MemoryDenyWriteExecute"),
    )
    return [
        "CapabilityBoundingSet=",
        "AmbientCapabilities=",
        "ProtectSystem=strict",
        f"ProtectHome={'read-only' if spec.reads_homes else 'yes'}",
        "ProtectProc=invisible",
        "ProcSubset=all",
        *(f"{name}=yes" for name in yes),
        "SystemCallArchitectures=native",
        "SystemCallFilter=@system-service",
        "SystemCallFilter=~@privileged",
        "SystemCallErrorNumber=EPERM",
        "UMask=0077",
    ]


def _path(path: Path) -> str:
    return str(path).replace("%", "%%")
