"""What the options name, opened: the tower, the face finder that fits it, the gallery, the source of frames."""

from __future__ import annotations

import argparse
import contextlib
import getpass
import sys
from collections.abc import Iterator
from pathlib import Path

from edge_runtime.errors import GalleryError, UsageError
from edge_runtime.faces.finder import FaceFinder
from edge_runtime.faces.quality import QualityLimits
from edge_runtime.gallery.keys import PASSPHRASE_VARIABLE, Access
from edge_runtime.home import default_gallery
from edge_runtime.liveness.passive import AntiSpoof
from edge_runtime.liveness.policy import LivenessPolicy
from edge_runtime.sources.camera import FrameSource, LivePolicy, SourceOptions, open_source
from edge_runtime.sources.options import parse_size
from edge_runtime.towers.delegates import Delegate
from edge_runtime.towers.engines import EngineOptions
from edge_runtime.towers.shipped import find_tower
from edge_runtime.towers.tower import Tower
from edge_runtime.towers.trust import Trust


def load_tower(options: argparse.Namespace) -> tuple[Tower, FaceFinder]:
    """The tower, and a face finder that fits it."""
    trust = Trust.configured(options.trusted_key, require=options.require_signed)
    path = find_tower(options.tower)
    engine = given_engine(options)
    tower = Tower.load(path, threads=options.threads, family=options.interpreter, options=engine, trust=trust)
    finder = FaceFinder(
        size_px=tower.card.input.size_px,
        template=tower.card.template,
        detector=given_detector(options),
        smallest_px=options.smallest_face,
        threads=options.threads,
        family=options.interpreter,
        options=engine.without_delegate(),
        limits=QualityLimits.of(tower.card.quality_limits, given_limits(options)),
    )
    return tower, finder


def given_limits(options: argparse.Namespace) -> dict[str, float]:
    """What a face must reach, where the command line says so."""
    smallest = getattr(options, "min_face", None)
    return {} if smallest is None else {"min_interocular_px": smallest}


def given_engine(options: argparse.Namespace) -> EngineOptions:
    """How the models are run."""
    delegate = None if options.delegate is None else Delegate.parse(options.delegate)
    return EngineOptions(engine=options.engine, xnnpack=not options.no_xnnpack, delegate=delegate)


def given_detector(options: argparse.Namespace) -> str:
    """Name of the face detector, with its file if it is the user's own.

    Raises:
        UsageError: A file is given for a detector that has its own.
    """
    name: str = options.detector
    if options.detector_model is None:
        return name
    if name not in ("auto", "yunet"):
        raise UsageError(f"--detector-model is YuNet's file; leave it out, or say --detector yunet instead of {name}.")
    return f"yunet:{options.detector_model}"


def gallery_path(options: argparse.Namespace) -> Path:
    """The gallery's file."""
    path: Path = options.gallery or default_gallery()
    if path.is_dir():
        raise GalleryError(f"{path} is a folder; a gallery is one file.")
    return path


def gallery_access(options: argparse.Namespace) -> Access:
    """Where the gallery's key is, and how a new gallery is locked."""
    protection: str = getattr(options, "protection", None) or "key"
    return Access(key_file=options.key_file, protection=protection, ask=ask_passphrase)


@contextlib.contextmanager
def opened(text: str, options: argparse.Namespace | None = None, *, patient: bool = False) -> Iterator[FrameSource]:
    """The source of frames, closed at the end.

    Args:
        text: The source.
        options: What the command line says of its size, rate, rotation and mirror.
        patient: Whether a camera that is not there yet, or not any more, is waited for without end.
    """
    live = LivePolicy(patience_s=None) if patient else LivePolicy()
    source = open_source(text, options=SourceOptions() if options is None else given_frames(options), live=live)
    try:
        yield source
    finally:
        source.close()


def given_frames(options: argparse.Namespace) -> SourceOptions:
    """What the frames should be like."""
    return SourceOptions(
        size_px=None if options.size is None else parse_size(options.size),
        frames_per_s=options.rate,
        rotation_deg=options.rotate,
        mirror=options.mirror,
    )


def given_liveness(options: argparse.Namespace) -> LivenessPolicy:
    """Whether it must be a person.

    Raises:
        UsageError: Movements are asked for, or a model is given, but liveness is off.
    """
    if options.liveness == "off" and options.antispoof is not None:
        raise UsageError("an anti-spoof model is given, but liveness is off. Add --liveness required (or on).")
    return LivenessPolicy(
        mode=options.liveness,
        challenge=options.challenge,
        # Swapped twice is not swapped.
        mirrored=options.mirror != options.mirrored_camera,
    )


def given_antispoof(options: argparse.Namespace) -> AntiSpoof | None:
    """The passive anti-spoof model, if one is given."""
    if options.antispoof is None:
        return None
    return AntiSpoof(options.antispoof, threads=options.threads, family=options.interpreter)


_ASKED: dict[str, str] = {}


def ask_passphrase(what: str, new: bool) -> str:
    """Ask at the terminal for a passphrase, twice for a new one; the same is asked for once only.

    Raises:
        UsageError: There is no terminal, or the two differ.
    """
    if what in _ASKED and not new:
        return _ASKED[what]
    if not sys.stdin.isatty():
        raise UsageError(f"{what} needs a passphrase, and there is no terminal to ask at. Give ${PASSPHRASE_VARIABLE}.")
    try:
        text = getpass.getpass(f"{'new ' if new else ''}passphrase for {what}: ")
        if new and getpass.getpass("the same again: ") != text:
            raise UsageError("the two passphrases differ. Nothing was changed.")
    except EOFError:
        raise UsageError(f"no passphrase was given for {what}.") from None
    _ASKED[what] = text
    return text
