"""``siamlite doctor``."""

from __future__ import annotations

import argparse

from edge_runtime.commands.console import EXIT_OK, EXIT_REFUSED, emit
from edge_runtime.commands.options import Commands, add_command, gallery_option, set_run, tower_option, trust_options


def add(commands: Commands) -> None:
    """Add the command and its options."""
    parser = add_command(commands, "doctor", "is everything there that verification needs?")
    tower_option(parser)
    trust_options(parser)
    gallery_option(parser)
    set_run(parser, _run)


def _run(options: argparse.Namespace) -> int:
    """Is everything there that verification needs?"""
    from edge_runtime.commands.given import gallery_access, gallery_path
    from edge_runtime.machine.doctor import examine, healthy, to_dicts
    from edge_runtime.towers.shipped import find_tower

    findings = examine(
        tower_path=find_tower(options.tower),
        gallery_path=gallery_path(options),
        access=gallery_access(options),
        trusted_keys=options.trusted_key,
        require_signed=options.require_signed,
    )
    good = healthy(findings)
    if options.json:
        emit({"healthy": good, "findings": to_dicts(findings)})
    else:
        for finding in findings:
            remedy = f"\n{'':22}→ {finding.remedy}" if finding.remedy else ""
            print(f"{finding.name:12} {finding.status:8} {finding.detail}{remedy}")
    return EXIT_OK if good else EXIT_REFUSED
