"""What the options name, opened: the tower, the face finder that fits it, the gallery, the source of frames."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator
from pathlib import Path

from edge_runtime.errors import GalleryError
from edge_runtime.faces.finder import FaceFinder
from edge_runtime.home import default_gallery, default_tower
from edge_runtime.sources.camera import FrameSource, open_source
from edge_runtime.towers.delegates import Delegate
from edge_runtime.towers.engines import EngineOptions
from edge_runtime.towers.tower import Tower
from edge_runtime.towers.trust import Trust


def load_tower(options: argparse.Namespace) -> tuple[Tower, FaceFinder]:
    """The tower, and a face finder that fits it."""
    trust = Trust.configured(options.trusted_key, require=options.require_signed)
    path = options.tower or default_tower()
    engine = given_engine(options)
    tower = Tower.load(path, threads=options.threads, family=options.interpreter, options=engine, trust=trust)
    finder = FaceFinder(
        size_px=tower.card.input.size_px,
        template=tower.card.template,
        detector=options.detector,
        threads=options.threads,
        family=options.interpreter,
        options=engine.without_delegate(),
    )
    return tower, finder


def given_engine(options: argparse.Namespace) -> EngineOptions:
    """How the models are run."""
    delegate = None if options.delegate is None else Delegate.parse(options.delegate)
    return EngineOptions(engine=options.engine, xnnpack=not options.no_xnnpack, delegate=delegate)


def gallery_path(options: argparse.Namespace) -> Path:
    """The gallery's file."""
    path: Path = options.gallery or default_gallery()
    if path.is_dir():
        raise GalleryError(f"{path} is a folder; a gallery is one file.")
    return path


@contextlib.contextmanager
def opened(text: str) -> Iterator[FrameSource]:
    """The source of frames, closed at the end."""
    source = open_source(text)
    try:
        yield source
    finally:
        source.close()
