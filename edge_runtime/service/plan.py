"""From what is asked for to a service: what it needs of the machine, and what would keep it from starting."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import edge_runtime
from edge_runtime.errors import UsageError
from edge_runtime.gallery.keys import KEY_CREDENTIAL
from edge_runtime.outside.config import Place, read_events
from edge_runtime.outside.gpio import GpioConfig
from edge_runtime.service.install import closed_to_others, group_exists
from edge_runtime.service.unit import UNIT, USER, ServiceSpec
from edge_runtime.sources.names import is_url, picamera_number, video_device, without_password

# Where systemd puts the credentials of a service (systemd.exec(5), "CREDENTIALS").
_CREDENTIALS = Path("/run/credentials") / UNIT
_HOMES = (Path("/home"), Path("/root"), Path("/run/user"))


def program() -> tuple[str, ...]:
    """How siamlite is started by a service: with this Python, isolated, so that nothing is imported from its home."""
    return (sys.executable, "-I", "-m", "edge_runtime")


def plan(
    words: Sequence[str],
    options: argparse.Namespace,
    *,
    key_file: Path | None = None,
    credentials: Mapping[str, Path] | None = None,
    user: str = USER,
    watchdog_s: int = 60,
) -> ServiceSpec:
    """The service that runs a command.

    Args:
        words: The command and its options.
        options: The same, parsed.
        key_file: The gallery's key, handed over by systemd.
        credentials: Other secrets by name, that the file of events refers to as ``credential:NAME``.
        user: Who it runs as.
        watchdog_s: After how many seconds without a frame it is started anew.

    Raises:
        UsageError: A path is not absolute or not there, or a credential is missing.
    """
    given = {**({} if key_file is None else {KEY_CREDENTIAL: key_file}), **(credentials or {})}
    for name, path in given.items():
        if not path.is_absolute() or not path.is_file():
            raise UsageError(f"the credential {name} is the absolute path of a file that is there, not {path}.")
    _refuse_relative(options)
    places = () if options.events is None else read_events(options.events, credentials=_CREDENTIALS).places
    _refuse_missing(places, given)
    camera, pins = camera_of(options.source), any(isinstance(place.sink, GpioConfig) for place in places)
    wanted = (("video", bool(camera)), ("gpio", pins))
    # A command may want the network; a place that is no pin does.
    told = any(not isinstance(place.sink, GpioConfig) for place in places)
    return ServiceSpec(
        program=program(),
        words=tuple(words),
        camera=camera,
        network=is_url(options.source) or told,
        pins=pins,
        groups=tuple(name for name, needed in wanted if needed and group_exists(name)),
        credentials=tuple(given.items()),
        user=user,
        watchdog_s=watchdog_s,
        reads_homes=any(_in_home(path) for path in (*_code(), *_paths(options).values())),
    )


def camera_of(source: str) -> str:
    """Which kind of device a source needs: ``"video"``, ``"picamera"`` or, for a file or a URL, none.

    Raises:
        UsageError: There is no camera of that number.
    """
    if is_url(source):
        return ""
    if picamera_number(source) is not None:
        return "picamera"
    return "" if video_device(source) is None else "video"


def refuse_closed_program() -> None:
    """Refuse where a user of its own could not even read siamlite.

    Raises:
        UsageError: A folder on the way to it is closed to others.
    """
    for path in _code():
        closed = closed_to_others(path)
        if closed is not None:
            raise UsageError(
                f"siamlite is in {path}, and {closed} is closed to other users: a service of its own user could not "
                "start it. Install siamlite where all may read it, such as in a virtual environment at /opt/siamlite."
            )


def doubts(options: argparse.Namespace, user: str) -> list[str]:
    """What may be meant so, but probably is not.

    Args:
        options: The parsed options of the command that is run.
        user: Who it runs as.
    """
    found = []
    if without_password(options.source) != options.source:
        found.append(
            f"the source {without_password(options.source)} has a password or a query; everybody on this machine can "
            "read it in the unit and in the list of processes"
        )
    closed = None if options.events is None else closed_to_others(options.events)
    if closed is not None:
        found.append(f"{closed} is closed to others: see to it that {user} may read {options.events}")
    return found


def _code() -> tuple[Path, ...]:
    """Everything that must be readable for siamlite to start."""
    python = Path(sys.executable)
    return python, python.resolve(), Path(edge_runtime.__file__).resolve()


def _paths(options: argparse.Namespace) -> dict[str, Path]:
    """The files and folders that the options name."""
    found = {name: value for name, value in vars(options).items() if isinstance(value, Path)}
    tower = getattr(options, "tower", None)
    if isinstance(tower, str) and (tower.endswith(".tflite") or "/" in tower):
        # Not the name of one that comes with siamlite.
        found["tower"] = Path(tower)
    more = {name: value for name, value in vars(options).items() if isinstance(value, list)}
    return found | {name: item for name, items in more.items() for item in items if isinstance(item, Path)}


def _refuse_relative(options: argparse.Namespace) -> None:
    for name, path in _paths(options).items():
        if not path.is_absolute():
            option = f"--{name.replace('_', '-')}"
            raise UsageError(f"a service takes absolute paths: {option} {path.absolute()}, not {path}.")
    camera = camera_of(options.source)
    if not camera and not is_url(options.source) and not Path(options.source).is_absolute():
        raise UsageError(f"a service takes absolute paths: --source {Path(options.source).absolute()}.")


def _refuse_missing(places: Sequence[Place], given: Mapping[str, Path]) -> None:
    for place in places:
        for entry in dataclasses.fields(place.sink):
            path = getattr(place.sink, entry.name)
            if isinstance(path, Path) and path.parent == _CREDENTIALS and path.name not in given:
                raise UsageError(
                    f"[[{place.section}]] wants the credential {path.name!r}. Give it: --credential {path.name}=/PATH"
                )


def _in_home(path: Path) -> bool:
    return any(home in path.parents for home in _HOMES)
