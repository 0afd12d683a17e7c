"""``siamlite enroll``."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from edge_runtime.commands.console import EXIT_OK, emit, end_status, say, status
from edge_runtime.commands.guarding import Diary, audit_option
from edge_runtime.commands.options import (
    Commands,
    add_command,
    gallery_option,
    lock_options,
    set_run,
    source_option,
    tower_options,
)
from edge_runtime.errors import EnrolmentRefused, SiamliteError, UsageError

if TYPE_CHECKING:
    from edge_runtime.faces.finder import FaceFinder
    from edge_runtime.gallery.enrol import Enrolment, Look
    from edge_runtime.gallery.enrol_checks import EnrolmentLimits, Goodness
    from edge_runtime.gallery.keys import Access
    from edge_runtime.towers.tower import Tower

_BAR = 20


def add(commands: Commands) -> None:
    """Add the command and its options."""
    parser = add_command(commands, "enroll", "add a person to the gallery")
    parser.add_argument("name", help="who it is")
    source_option(parser)
    tower_options(parser)
    gallery_option(parser)
    lock_options(parser)
    parser.add_argument("--samples", type=int, default=5, help="samples to take from a camera or video (default: 5)")
    parser.add_argument("--timeout", type=float, default=30.0, help="seconds until it is given up (default: 30)")
    parser.add_argument("--guided", action="store_true", help="ask for one pose of the head after the other")
    parser.add_argument("--window", action="store_true", help="show the camera with a ring that closes (q gives up)")
    parser.add_argument(
        "--threshold", type=float, help="a similarity of your own for the checks instead of the card's thresholds"
    )
    parser.add_argument(
        "--allow-duplicate", action="store_true", help="enrol somebody who looks like a person who is there already"
    )
    parser.add_argument(
        "--keep-crops",
        action="store_true",
        help="keep the aligned pictures, encrypted, to embed again with a new tower",
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--update", action="store_true", help="add the samples to the person, if they match them")
    how.add_argument("--force", action="store_true", help="replace the person if they are enrolled already")
    audit_option(parser)
    set_run(parser, _run)


def _run(options: argparse.Namespace) -> int:
    """Add a person to the gallery, or samples to a person."""
    from edge_runtime.commands.given import gallery_access, gallery_path, load_tower
    from edge_runtime.gallery.enrol import EnrolmentPolicy
    from edge_runtime.gallery.records import check_name

    check_name(options.name)
    EnrolmentPolicy(samples=options.samples, timeout_s=options.timeout)
    if options.threshold is not None and not -1 < options.threshold <= 1:
        raise UsageError(f"a threshold is a cosine similarity above -1 and at most 1, not {options.threshold}.")
    tower, finder = load_tower(options)
    path, access = gallery_path(options), gallery_access(options)
    others = _others(options, path, tower, access)
    diary = Diary(options)
    limits = _limits(options, tower, len(others))
    try:
        enrolment, unreadable = _collected(options, tower, finder, limits)
        good = _checked(options, path, tower, access, enrolment, limits)
        diary.note("updated" if options.update else "enrolled", options.name, samples=len(enrolment.templates))
        encrypted, whole = _stored(options, path, tower, access, enrolment)
    except SiamliteError as error:
        end_status()
        reason = error.reason if isinstance(error, EnrolmentRefused) else type(error).__name__
        diary.note("enrolment-failed", options.name, reason=reason)
        raise
    except KeyboardInterrupt:
        diary.note("enrolment-failed", options.name, reason="given-up")
        raise
    _report(options, path, enrolment, good, limits, unreadable, encrypted=encrypted, whole=whole)
    return EXIT_OK


def _others(options: argparse.Namespace, path: Path, tower: Tower, access: Access) -> list[str]:
    """Who else is enrolled; another space, or a name that does not fit, is refused before anybody poses."""
    from edge_runtime.gallery.people import not_enrolled
    from edge_runtime.gallery.store import Gallery

    names = []
    if path.exists():
        with Gallery.open(path, tower, access=access) as gallery:
            names = [person.name for person in gallery.people()]
    if options.update and options.name not in names:
        raise not_enrolled(path, options.name)
    if options.name in names and not options.force and not options.update:
        raise UsageError(
            f"{options.name!r} is enrolled already. Replace them with --force, or add samples to them with --update."
        )
    return [name for name in names if name != options.name]


def _limits(options: argparse.Namespace, tower: Tower, people: int) -> EnrolmentLimits:
    from edge_runtime.gallery.enrol_checks import EnrolmentLimits

    return EnrolmentLimits.of(tower.card, people=people, calibrated=tower.calibrated, threshold=options.threshold)


def _collected(
    options: argparse.Namespace, tower: Tower, finder: FaceFinder, limits: EnrolmentLimits
) -> tuple[Enrolment, list[str]]:
    """The samples, and the pictures that could not be read."""
    from edge_runtime.commands.given import opened
    from edge_runtime.gallery.enrol import EnrolmentPolicy, check_usable, collect
    from edge_runtime.sources.camera import PictureSource

    policy = EnrolmentPolicy(
        samples=options.samples, timeout_s=options.timeout, least=limits.least, guided=options.guided
    )
    with opened(options.source, options) as source:
        enrolment = collect(source, finder, tower, policy, progress=lambda look: show_progress(options, look))
        unreadable = source.unreadable if isinstance(source, PictureSource) else []
    end_status()
    check_usable(enrolment)
    return enrolment, unreadable


def show_progress(options: argparse.Namespace, look: Look) -> None:
    """A bar on the terminal and a ring in the window."""
    share = look.got / look.wanted if look.wanted else 0.0
    done = round(_BAR * share)
    bar = f"[{'#' * done}{'.' * (_BAR - done)}] {look.got} of {look.wanted}" if look.wanted else f"{look.got}"
    status(f"{bar} samples  {look.advice}")
    if options.window:
        from edge_runtime.gallery.enrol_ring import draw_ring, show_ring

        box = None if look.face is None else look.face.face.box_px
        words = look.advice or f"{look.got} of {look.wanted or 'all'}"
        if not show_ring(draw_ring(look.frame.image_rgb, box, share, words)):
            raise KeyboardInterrupt


def _checked(
    options: argparse.Namespace,
    path: Path,
    tower: Tower,
    access: Access,
    enrolment: Enrolment,
    limits: EnrolmentLimits,
) -> Goodness:
    """How good the samples are.

    Raises:
        EnrolmentRefused: They are somebody else's.
    """
    import numpy as np

    from edge_runtime.gallery.enrol_checks import goodness, nearest_person, refuse_duplicate, refuse_others
    from edge_runtime.gallery.match import Enrolled
    from edge_runtime.gallery.store import Gallery

    rows = np.stack([template.embedding for template in enrolment.templates])
    nearest = None
    if path.exists():
        with Gallery.open(path, tower, access=access) as gallery:
            people, protected = gallery.templates(), gallery.rotation.apply(rows)
        own = people.pop(options.name, None)
        if options.update and own is not None:
            refuse_others(protected, Enrolled.of({options.name: own}, score=tower.card.person_score), limits)
        if people:
            nearest = nearest_person(protected, Enrolled.of(people, score=tower.card.person_score))
            if not options.allow_duplicate:
                refuse_duplicate(*nearest, limits)
    return goodness(rows, nearest, limits)


def _stored(
    options: argparse.Namespace, path: Path, tower: Tower, access: Access, enrolment: Enrolment
) -> tuple[bool, int]:
    """Write the samples; whether they are encrypted, and how many the person has now."""
    from edge_runtime.gallery.store import Gallery

    with Gallery.open(path, tower, create=not options.update, access=access) as gallery:
        if options.update:
            # Where pictures of the person are kept, those of the new samples are kept too.
            after = gallery.extend(options.name, enrolment.templates, keep_crops=tower.card.template)
            return gallery.protection != "none", after.templates
        kept = tower.card.template if options.keep_crops else None
        gallery.enrol(options.name, enrolment.templates, replace=options.force, keep_crops=kept)
        return gallery.protection != "none", len(enrolment.templates)


def _report(
    options: argparse.Namespace,
    path: Path,
    enrolment: Enrolment,
    good: Goodness,
    limits: EnrolmentLimits,
    unreadable: list[str],
    *,
    encrypted: bool,
    whole: int,
) -> None:
    from edge_runtime.commands.enrolled import in_values, in_words
    from edge_runtime.sources.camera import without_password

    if options.json:
        emit(
            {
                "enrolled": options.name,
                "updated": options.update,
                "samples": len(enrolment.templates),
                "templates": whole,
                "turned_away": enrolment.turned_away,
                "unreadable": len(unreadable),
                **in_values(good, limits),
                "gallery": str(path),
                "encrypted": encrypted,
                "pictures_kept": options.keep_crops,
            }
        )
        return
    for message in unreadable:
        say(f"skipped: {message}")
    for reason, count in enrolment.turned_away.items():
        say(f"skipped: {count}× {reason}")
    alike = "" if good.self_similarity is None else f", alike by {good.self_similarity:.2f} on average"
    count = len(enrolment.templates)
    done = (
        f"added {count} samples to {options.name}"
        if options.update
        else f"enrolled {options.name} with {count} samples"
    )
    say(f"{done}{alike} in {path}")
    for line in in_words(good, limits):
        say(line)
    if not encrypted:
        say(f"warning: {path} is not encrypted: whoever reads it holds biometric data")
    if options.keep_crops:
        say("their aligned pictures are kept in the gallery too; siamlite gallery remove deletes them with the rest")
    chosen = [] if options.tower is None else ["--tower", str(options.tower)]
    words = [options.name, *chosen, "--source", without_password(options.source)]
    say(f"next: siamlite verify {shlex.join(words)}")
