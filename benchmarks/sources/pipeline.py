"""The whole way of a door's camera for ever: a video of visits, played again and again before one verifier."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from benchmarks.demo.att import extract_att
from benchmarks.demo.scene import plan_visits, write_video
from edge_runtime.decisions.guard import Guard
from edge_runtime.decisions.lockout import LockoutPolicy
from edge_runtime.decisions.verifier import Verifier, fitting_finder
from edge_runtime.fetch import install_detectors
from edge_runtime.gallery.keys import Access, make_key_file
from edge_runtime.gallery.store import Gallery, Template
from edge_runtime.home import cache_folder
from edge_runtime.images import read_image
from edge_runtime.sources.camera import Frame, open_source
from edge_runtime.towers.shipped import find_tower
from edge_runtime.towers.tower import Tower

# Of these AT&T people the first ones are enrolled.
_PEOPLE, _ENROLLED = ("s3", "s12", "s21", "s30", "s39"), 3


def watched(folder: Path) -> Generator[int, None, None]:
    """Frames that went all the way since the last one, with lockout and audit log, as ``siamlite watch`` has them.

    Args:
        folder: For the video, the gallery and siamlite's home.

    Yields:
        1 for each frame. The first decisions are checked: who is enrolled is accepted, and nobody else.

    Raises:
        AssertionError: A decision was another one.
    """
    os.environ["SIAMLITE_HOME"] = str(folder / "home")
    faces = extract_att(cache_folder() / "att")
    video = folder / "visits.mp4"
    pictures = {name: [faces / name / f"{n}.pgm" for n in range(4, 11)] for name in _PEOPLE}
    visits = plan_visits([(name, at < _ENROLLED) for at, name in enumerate(_PEOPLE)], seed=0)
    write_video(video, visits, pictures, seed=0)
    tower = Tower.load(find_tower("accurate"))
    finder = fitting_finder(tower, models=install_detectors(folder=folder / "models")[0].parent)
    with ExitStack() as stack:
        access = Access(key_file=make_key_file(folder / "gallery.key"))
        gallery = stack.enter_context(Gallery.open(folder / "gallery.db", tower, create=True, access=access))
        for name in _PEOPLE[:_ENROLLED]:
            crops = [finder.find_one(read_image(faces / name / f"{n}.pgm")).crop_rgb for n in (1, 2, 3)]
            gallery.enrol(
                name, [Template(embedding=tower.embed_one(c), sharpness=50.0, interocular_px=40.0) for c in crops]
            )
        guard = Guard.at_home(gallery, policy=LockoutPolicy(max_rejections=0))
        verifier = Verifier(tower, gallery, finder, target_fmr=1e-2, guard=guard)
        expected, decided = [visit.person if visit.known else None for visit in visits], 0
        for step in verifier.steps(_again_and_again(video)):
            for decision in step.decisions:
                if decision.person not in (None, expected[decided % len(expected)]):
                    raise AssertionError(f"visit {decided}: {decision.person} was accepted.")
                decided += 1
            yield 1


def _again_and_again(video: Path) -> Iterator[Frame]:
    """The frames of a file that is opened anew for each round, with a clock that goes on."""
    start_s, index = 0.0, 0
    while True:
        source, last_s = open_source(str(video)), 0.0
        try:
            for frame in source:
                last_s = frame.time_s
                yield replace(frame, time_s=start_s + last_s, index=index)
                index += 1
        finally:
            source.close()
        start_s += last_s + 1 / 15
