"""``siamlite verify`` and ``siamlite identify``."""

from __future__ import annotations

import argparse

from edge_runtime.commands.console import EXIT_OK, say
from edge_runtime.commands.options import (
    Commands,
    add_command,
    decision_options,
    events_option,
    gallery_option,
    set_run,
    source_option,
    tower_options,
)
from edge_runtime.errors import SourceError


def add(commands: Commands) -> None:
    """Add the commands and their options."""
    verify = add_command(commands, "verify", "is it the person that they claim to be?")
    verify.add_argument("name", help="who they claim to be")
    identify = add_command(commands, "identify", "which of the enrolled people is it, if any?")
    identify.set_defaults(name=None)
    for parser in (verify, identify):
        source_option(parser)
        tower_options(parser)
        gallery_option(parser)
        decision_options(parser)
        events_option(parser)
        set_run(parser, _run)


def _run(options: argparse.Namespace) -> int:
    """Decide, once or for each visit."""
    from edge_runtime.commands.follow import exit_code, follow
    from edge_runtime.commands.given import gallery_access, gallery_path, load_tower, opened
    from edge_runtime.decisions.policy import DecisionPolicy
    from edge_runtime.decisions.verifier import Verifier
    from edge_runtime.gallery.store import Gallery
    from edge_runtime.sources.camera import PictureSource, without_password

    policy = DecisionPolicy(frames=options.frames, timeout_s=options.timeout)
    tower, finder = load_tower(options)
    with Gallery.open(gallery_path(options), tower, access=gallery_access(options)) as gallery:
        verifier = Verifier(
            tower,
            gallery,
            finder,
            claimed=options.name,
            target_fmr=options.fmr,
            threshold=options.threshold,
            policy=policy,
        )
    with opened(options.source, options, patient=options.watch) as source:
        steps = verifier.steps(source) if options.watch else verifier.attempt(source)
        last = follow(options, steps)
        for message in source.unreadable if isinstance(source, PictureSource) else []:
            say(f"skipped: {message}")
    if options.watch:
        return EXIT_OK
    if last is None:
        raise SourceError(f"{without_password(options.source)} was closed before there was a decision.")
    return exit_code(last)
