"""``siamlite verify``, ``siamlite identify`` and ``siamlite watch``."""

from __future__ import annotations

import argparse
import signal
from typing import TYPE_CHECKING

from edge_runtime.commands.console import EXIT_OK, say
from edge_runtime.commands.guarding import audit_option, lockout_options
from edge_runtime.commands.options import (
    Commands,
    add_command,
    decision_options,
    drawing_options,
    events_option,
    gallery_option,
    liveness_options,
    set_run,
    source_option,
    tower_options,
)
from edge_runtime.errors import SourceError

if TYPE_CHECKING:
    from types import FrameType

    from edge_runtime.decisions.verifier import Verifier
    from edge_runtime.sources.camera import FrameSource


def add(commands: Commands) -> None:
    """Add the commands and their options."""
    verify = add_command(commands, "verify", "is it the person that they claim to be?")
    verify.add_argument("name", help="who they claim to be")
    identify = add_command(commands, "identify", "which of the enrolled people is it, if any?")
    watch = add_command(commands, "watch", "identify whoever comes, for ever: one line of JSON for each visit")
    for parser in (identify, watch):
        parser.set_defaults(name=None)
    for parser in (verify, identify, watch):
        source_option(parser)
        tower_options(parser)
        gallery_option(parser)
        decision_options(parser)
        drawing_options(parser)
        events_option(parser)
        lockout_options(parser, after=0 if parser is watch else 5)
        audit_option(parser)
        liveness_options(parser)
    for parser in (verify, identify):
        parser.add_argument("--watch", action="store_true", help="go on: one decision for each visit, one line each")
        set_run(parser, _run)
    set_run(watch, _watch)


def _run(options: argparse.Namespace) -> int:
    """Decide, once or for each visit."""
    from edge_runtime.commands.follow import exit_code, follow
    from edge_runtime.commands.given import opened
    from edge_runtime.sources.camera import without_password

    verifier = _verifier(options)
    if options.name is None and options.threshold is None and not options.json:
        # Among many the threshold is not the card's own: say which it is, and what it promises.
        say(verifier.operating.words)
    with opened(options.source, options, patient=options.watch) as source:
        steps = verifier.steps(source) if options.watch else verifier.attempt(source)
        last = follow(options, steps, source, threshold=verifier.threshold)
        _say_unreadable(source)
    if options.watch:
        return EXIT_OK
    if last is None:
        raise SourceError(f"{without_password(options.source)} was closed before there was a decision.")
    return exit_code(last)


def _watch(options: argparse.Namespace) -> int:
    """Identify each visitor until the source ends or the process is told to stop."""
    from edge_runtime.commands.follow import follow
    from edge_runtime.commands.given import opened

    # Whoever runs this as a service stops it with SIGTERM: that is an end like any other.
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        verifier = _verifier(options)
        say(verifier.operating.words)
        options.json = True
        with opened(options.source, options, patient=True) as source:
            follow(options, verifier.steps(source), source, threshold=verifier.threshold)
            _say_unreadable(source)
    except _Stopped:
        say("stopped")
    finally:
        signal.signal(signal.SIGTERM, before)
    return EXIT_OK


class _Stopped(BaseException):
    """The process was told to end."""


def _stop(number: int, frame: FrameType | None) -> None:
    raise _Stopped


def _verifier(options: argparse.Namespace) -> Verifier:
    from edge_runtime.commands.given import (
        gallery_access,
        gallery_path,
        given_antispoof,
        given_liveness,
        load_tower,
    )
    from edge_runtime.commands.guarding import guard_for
    from edge_runtime.decisions.policy import DecisionPolicy
    from edge_runtime.decisions.verifier import Verifier
    from edge_runtime.faces.tracker import TrackPolicy
    from edge_runtime.gallery.store import Gallery

    policy = DecisionPolicy(
        frames=options.frames,
        timeout_s=options.timeout,
        faces=options.faces,
        fusing=options.fuse,
        needed=options.needed,
        min_margin=options.margin,
    )
    tracking = TrackPolicy(detect_every=options.detect_every)
    liveness, antispoof = given_liveness(options), given_antispoof(options)
    tower, finder = load_tower(options)
    with Gallery.open(gallery_path(options), tower, access=gallery_access(options)) as gallery:
        return Verifier(
            tower,
            gallery,
            finder,
            claimed=options.name,
            target_fmr=options.fmr,
            threshold=options.threshold,
            policy=policy,
            tracking=tracking,
            guard=guard_for(options, gallery),
            liveness=liveness,
            antispoof=antispoof,
        )


def _say_unreadable(source: FrameSource) -> None:
    from edge_runtime.sources.camera import PictureSource

    for message in source.unreadable if isinstance(source, PictureSource) else []:
        say(f"skipped: {message}")
