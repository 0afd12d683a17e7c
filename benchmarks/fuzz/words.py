"""Words of the command line and of configurations."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.fuzz.choices import HOSTILE, Choices
from benchmarks.fuzz.commands import command
from benchmarks.fuzz.contract import Attempt, Wrong
from benchmarks.fuzz.towers import TINY
from edge_runtime.decisions.lockout import LockoutPolicy
from edge_runtime.decisions.policy import DecisionPolicy
from edge_runtime.faces.tracker import TrackPolicy
from edge_runtime.sources.names import is_url, picamera_number, video_device, without_password
from edge_runtime.sources.options import LivePolicy, SourceOptions, parse_size
from edge_runtime.towers.delegates import Delegate
from edge_runtime.towers.engines import EngineOptions

_TEXTS: tuple[Callable[[str], Any], ...] = (
    parse_size, picamera_number, video_device, without_password, is_url, Delegate.parse,
)  # fmt: skip
_POLICIES: tuple[Any, ...] = (DecisionPolicy, TrackPolicy, LivePolicy, SourceOptions, LockoutPolicy, EngineOptions)
_SIZES = (0, 1, 50, 300, 5000)


def text_seeds(folder: Path) -> list[bytes]:
    """Words that mean something."""
    words = (
        "640x480",
        "picamera:1",
        "/dev/video0",
        "rtsp://u:p@h/s?t",
        "libedgetpu.so.1,device=usb",
        "9" * 5000,
        "a\0b",
    )
    return [bytes([kind]) + word.encode() for kind in range(len(_TEXTS)) for word in words]


def make_text(folder: Path) -> Attempt:
    """Words that are read as a size, a source, a delegate."""

    def attempt(data: bytes) -> None:
        choices = Choices(data)
        kind = choices.number(len(_TEXTS))
        _TEXTS[kind](choices.rest().decode("utf-8", "surrogateescape"))

    return attempt


def policy_seeds(folder: Path) -> list[bytes]:
    """Choices of a policy and its values."""
    return [bytes([kind, field, value]) * 2 for kind in range(6) for field in range(8) for value in range(0, 40, 5)]


def make_policy(folder: Path) -> Attempt:
    """Policies of hostile numbers, as whoever uses the library may give them."""

    def attempt(data: bytes) -> None:
        choices = Choices(data)
        policy = choices.pick(_POLICIES)
        fields = {f.name: f for f in dataclasses.fields(policy)}
        values = {}
        for _ in range(1 + choices.number(3)):
            name = choices.pick(sorted(fields))
            given = choices.pick(HOSTILE)
            # Of another kind than was declared is the caller's fault, and Python says so.
            kind = str(fields[name].type)
            if isinstance(given, int | float) and ("int" in kind or "float" in kind):
                values[name] = given
        with contextlib.suppress(TypeError):
            made = policy(**values)
            if any(isinstance(v, float) and v != v for v in dataclasses.asdict(made).values()):
                raise Wrong(f"{policy.__name__} takes NaN for a number")

    return attempt


_COMMANDS = (
    ("verify", "x"), ("identify",), ("enroll", "x"), ("watch",), ("gallery", "list"), ("gallery", "show"),
    ("gallery", "tag", "x"),
    ("gallery", "rename", "x"), ("gallery", "import"), ("trust", "add"), ("compare", "x"), ("audit", "verify"),
    ("lockout", "clear"), ("calibrate",),
)  # fmt: skip
_OPTIONS = (
    "--frames", "--timeout", "--threshold", "--fmr", "--size", "--rate", "--rotate", "--margin", "--min-face",
    "--needed",
    "--fuse", "--faces", "--detect-every", "--threads", "--tower", "--gallery", "--key-file", "--delegate", "--engine",
    "--trusted-key", "--detector", "--json",
)  # fmt: skip


def command_seeds(folder: Path) -> list[bytes]:
    """Choices of a command and its options, with words for them."""
    words = (b"nan", b"-1", b"1e400", b"0", b"x" * 300, b"9" * 5000, b"\xff")
    return [
        bytes([kind, 1, option]) + word
        for kind in range(14)
        for option in (kind, kind + 7)
        for word in words[kind % 7 :][:1]
    ]


def make_command(folder: Path) -> Attempt:
    """Command lines of a source that is not there: read, refused, and nothing else."""
    # A home of nobody's, and a tower that loads quickly.
    os.environ |= {"SIAMLITE_HOME": str(folder / "home"), "SIAMLITE_TOWER": str(TINY)}

    def attempt(data: bytes) -> None:
        choices = Choices(data)
        words = [*choices.pick(_COMMANDS)]
        for _ in range(choices.number(3)):
            words += [choices.pick(_OPTIONS), _word(choices.take(choices.number(12)))]
        rest = _word(choices.rest())
        words += [rest] if choices.number(2) else []
        command(*words, *(["--source", str(folder / "none")] if words[0] in ("verify", "identify", "watch") else []))

    return attempt


def _word(data: bytes) -> str:
    text = data.decode("utf-8", "surrogateescape").replace("\0", "0")
    return text if "/" not in text else text.replace("/", "_")


def recipe_seeds(folder: Path) -> list[bytes]:
    """The recipes that come with siamlite, and settings."""
    from train.recipe import RECIPES_FOLDER

    return [b"\0" + path.read_bytes() for path in sorted(RECIPES_FOLDER.glob("*.toml"))] + [
        b"\1" + setting for setting in (b"tower.width=32", b"loss.margin=", b"seed=[1", b"tower.a.b=1", b"seed=nan")
    ]


def make_recipe(folder: Path) -> Attempt:
    """Recipes in TOML, and ``--set key=value``."""
    from train.recipe import config_to_mapping, load_config

    path = folder / "case.toml"

    def attempt(data: bytes) -> None:
        choices = Choices(data)
        if choices.number(3) == 1:
            config = load_config(settings=[choices.rest().decode("utf-8", "surrogateescape")])
        else:
            path.write_bytes(choices.rest())
            config = load_config(str(path))
        config_to_mapping(config)

    return attempt
