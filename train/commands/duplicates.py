"""``python -m train duplicates``."""

from __future__ import annotations

import argparse
from typing import Any

from edge_runtime.commands.console import say
from train.commands.output import report_result


def add(commands: Any) -> None:
    """Add the command and its options."""
    command = commands.add_parser("duplicates", help="pictures that are there more than once; deletes nothing")
    command.add_argument("folder", metavar="DIR", help="where to look, at any depth")
    command.add_argument("--tower", metavar="TOWER", help="also find the same content: a run, .keras or .tflite file")
    command.add_argument(
        "--same-above", type=float, metavar="S", help="similarity from which content is the same (default 0.995)"
    )
    command.add_argument(
        "--bits", type=int, default=6, metavar="N", help="bits in which near-duplicates' hashes may differ (default 6)"
    )
    command.add_argument("--aligned", action="store_true", help="for --tower: the pictures are aligned crops already")
    command.add_argument("--out", metavar="GROUPS.json", help="write the groups here")
    command.add_argument("--force", action="store_true", help="replace the --out file")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from edge_runtime.errors import UsageError
    from edge_runtime.files import refuse_overwrite, write_json

    if options.out:
        refuse_overwrite(options.out, force=options.force)
    if options.tower is None and (options.aligned or options.same_above is not None):
        raise UsageError("--aligned and --same-above are for --tower, which was not given.")
    from train.apply.duplicates import DEFAULT_SAME_ABOVE, find_duplicates
    from train.apply.embed_files import list_pictures
    from train.measure.evaluate import load_tower

    found = find_duplicates(
        list_pictures([options.folder]),
        tower=None if options.tower is None else load_tower(options.tower),
        bits=options.bits,
        same_above=DEFAULT_SAME_ABOVE if options.same_above is None else options.same_above,
        aligned=options.aligned,
    )
    for item in found.skipped:
        say(f"left out: {item.reason}")
    lines = [f"{group.kind}\n" + "\n".join(f"  {path}" for path in group.pictures) for group in found.groups]
    report_result(found.as_mapping(), "\n".join(lines) or "no duplicates", as_json=options.json)
    if options.out:
        say(f"written: {write_json(options.out, found.as_mapping())}")
    say(f"{found.searched} pictures compared, {len(found.skipped)} left out, {len(found.groups)} groups")
    return 0
