"""``siamlite calibrate``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from edge_runtime.commands.console import EXIT_OK, emit, say
from edge_runtime.commands.guarding import Diary, audit_option
from edge_runtime.commands.options import Commands, add_command, gallery_option, set_run, tower_options
from edge_runtime.errors import UsageError

if TYPE_CHECKING:
    from edge_runtime.gallery.calibration import Calibration
    from edge_runtime.gallery.store import Gallery


def add(commands: Commands) -> None:
    """Add the command and its options."""
    parser = add_command(commands, "calibrate", "raise the threshold to what the gallery's own people need")
    parser.add_argument("--fmr", type=float, help="target false match rate (default: the card's)")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--show", action="store_true", help="show the calibration that the gallery has")
    what.add_argument("--clear", action="store_true", help="go back to the card's thresholds")
    what.add_argument("--dry-run", action="store_true", help="say what would be found, and keep nothing")
    tower_options(parser)
    gallery_option(parser)
    audit_option(parser)
    set_run(parser, _run)


def _run(options: argparse.Namespace) -> int:
    """Raise the threshold to what the gallery's own people need."""
    from edge_runtime.commands.given import gallery_access, gallery_path
    from edge_runtime.gallery.calibration import read_calibration, write_calibration
    from edge_runtime.gallery.store import Gallery

    if (options.show or options.clear) and options.fmr is not None:
        raise UsageError("--fmr goes with a new calibration, not with --show or --clear.")
    with Gallery.open(gallery_path(options), access=gallery_access(options)) as gallery:
        if options.show:
            return _show(options, read_calibration(gallery), gallery)
        if options.clear:
            Diary(options).note("calibration-cleared")
            write_calibration(gallery, None)
            return _said(options, {"cleared": True, "gallery": str(gallery.path)}, "the card's thresholds count again")
        return _calibrate(options, gallery)


def _calibrate(options: argparse.Namespace, gallery: Gallery) -> int:
    from edge_runtime.commands.given import load_tower
    from edge_runtime.decisions.at_home import calibrate_at_home, in_words
    from edge_runtime.decisions.threshold import card_point
    from edge_runtime.gallery.calibration import write_calibration
    from edge_runtime.gallery.match import Enrolled

    tower, _ = load_tower(options)
    gallery.require_space(tower.fingerprint)
    point = card_point(tower, options.fmr)
    enrolled = Enrolled.of(gallery.templates(), score=tower.card.person_score)
    found = calibrate_at_home(enrolled, point, point.target_fmr if options.fmr is None else options.fmr)
    made = found.calibration
    if not options.dry_run:
        Diary(options).note("calibrated", target_fmr=made.target_fmr, threshold=round(made.threshold, 4))
        write_calibration(gallery, made)
    if options.json:
        first, second, similarity = found.nearest
        emit(
            {
                "gallery": str(gallery.path),
                "kept": not options.dry_run,
                **_values(made),
                "card_fmr_upper": found.point.fmr_upper,
                "card_pairs": found.point.impostor_pairs,
                "nearest": {"people": [first, second], "similarity": round(similarity, 4)},
            }
        )
        return EXIT_OK
    for line in in_words(found):
        print(line)
    first, second, similarity = found.nearest
    print(f"most alike: {first} and {second}, {similarity:.3f}")
    if options.dry_run:
        say("nothing was kept (--dry-run)")
    else:
        say(f"kept in {gallery.path}; verify and identify use it. When more people are enrolled, calibrate again")
        say("next: siamlite identify --source …")
    return EXIT_OK


def _show(options: argparse.Namespace, made: Calibration | None, gallery: Gallery) -> int:
    values = {"gallery": str(gallery.path), "calibration": None if made is None else _values(made)}
    if made is None:
        return _said(options, values, f"{gallery.path} has no calibration: the card's thresholds count")
    now = len(gallery.people())
    words = (
        f"threshold {made.threshold:.3f} for FMR {made.target_fmr:g} (the card's: {made.card_threshold:.3f}), from "
        f"{made.people} people; there are {now} now"
    )
    return _said(options, {**values, "people_now": now}, words)


def _said(options: argparse.Namespace, values: dict[str, Any], words: str) -> int:
    if options.json:
        emit(values)
    else:
        print(words)
    return EXIT_OK


def _values(made: Calibration) -> dict[str, Any]:
    from dataclasses import asdict

    values = asdict(made)
    return {**values, "raised": made.threshold > made.card_threshold}
