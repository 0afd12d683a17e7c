"""``siamlite enroll``."""

from __future__ import annotations

import argparse
import shlex

from edge_runtime.commands.console import EXIT_OK, emit, end_status, say, status
from edge_runtime.commands.options import (
    Commands,
    add_command,
    gallery_option,
    lock_options,
    set_run,
    source_option,
    tower_options,
)
from edge_runtime.errors import UsageError


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
    parser.add_argument(
        "--keep-crops",
        action="store_true",
        help="keep the aligned pictures, encrypted, to embed again with a new tower",
    )
    parser.add_argument("--force", action="store_true", help="replace the person if they are enrolled already")
    set_run(parser, _run)


def _run(options: argparse.Namespace) -> int:
    """Add a person to the gallery."""
    from edge_runtime.commands.given import gallery_access, gallery_path, load_tower, opened
    from edge_runtime.gallery.enrol import EnrolmentPolicy, check_usable, collect
    from edge_runtime.gallery.store import Gallery, check_name
    from edge_runtime.sources.camera import PictureSource, without_password

    check_name(options.name)
    policy = EnrolmentPolicy(samples=options.samples, timeout_s=options.timeout)
    tower, finder = load_tower(options)
    path, access = gallery_path(options), gallery_access(options)
    if path.exists():
        # Refuse another space or a name that is taken before anybody poses for the camera.
        with Gallery.open(path, tower, access=access) as gallery:
            if not options.force and options.name in [person.name for person in gallery.people()]:
                raise UsageError(f"{options.name!r} is enrolled already. Replace them with --force.")

    def progress(got: int, wanted: int, advice: str) -> None:
        status(f"{got}{f' of {wanted}' if wanted else ''} samples  {advice}")

    with opened(options.source, options) as source:
        enrolment = collect(source, finder, tower, policy, progress=progress)
        unreadable = source.unreadable if isinstance(source, PictureSource) else []
    end_status()
    check_usable(enrolment)
    with Gallery.open(path, tower, create=True, access=access) as gallery:
        kept = tower.card.template if options.keep_crops else None
        gallery.enrol(options.name, enrolment.templates, replace=options.force, keep_crops=kept)
        encrypted = gallery.protection != "none"
    if options.json:
        emit(
            {
                "enrolled": options.name,
                "samples": len(enrolment.templates),
                "turned_away": enrolment.turned_away,
                "unreadable": len(unreadable),
                "self_similarity": enrolment.self_similarity and round(enrolment.self_similarity, 4),
                "gallery": str(path),
                "encrypted": encrypted,
                "pictures_kept": options.keep_crops,
            }
        )
        return EXIT_OK
    for message in unreadable:
        say(f"skipped: {message}")
    for reason, count in enrolment.turned_away.items():
        say(f"skipped: {count}× {reason}")
    alike = "" if enrolment.self_similarity is None else f", alike by {enrolment.self_similarity:.2f} on average"
    say(f"enrolled {options.name} with {len(enrolment.templates)} samples{alike} in {path}")
    if not encrypted:
        say(f"warning: {path} is not encrypted: whoever reads it holds biometric data")
    if options.keep_crops:
        say("their aligned pictures are kept in the gallery too; siamlite gallery remove deletes them with the rest")
    chosen = [] if options.tower is None else ["--tower", str(options.tower)]
    words = [options.name, *chosen, "--source", without_password(options.source)]
    say(f"next: siamlite verify {shlex.join(words)}")
    return EXIT_OK
