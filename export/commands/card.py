"""``python -m export card``."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import Any

from edge_runtime.commands.console import emit, say
from edge_runtime.errors import UsageError

_SUFFIXES = (".html", ".md")


def add(commands: Any) -> None:
    """Add the command and its options."""
    command = commands.add_parser("card", help="show a tower's model card for people, as Markdown or HTML")
    command.add_argument("tower", type=Path, metavar="TOWER", help="the .tflite file")
    command.add_argument(
        "--out", default="-", metavar="FILE", help="card.html (with plots) or card.md; - for the terminal (default)"
    )
    command.add_argument("--force", action="store_true", help="replace the --out file")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from edge_runtime.files import refuse_overwrite, write_bytes
    from export.card.facts import facts_json, read_facts
    from export.card.markdown import card_markdown

    out = None if options.out == "-" else Path(options.out)
    if out is not None:
        if out.suffix not in _SUFFIXES:
            raise UsageError(f"--out takes a file that ends in {' or '.join(_SUFFIXES)}, or -, not {options.out!r}.")
        refuse_overwrite(out, force=options.force)
    facts = read_facts(options.tower)
    if out is not None:
        if out.suffix == ".md":
            page = card_markdown(facts)
        else:
            from export.card.page import card_page

            page = card_page(facts)
        write_bytes(out, page.encode())
    if options.json:
        emit(facts_json(facts) | {"path": None if out is None else str(out)})
    elif out is None:
        sys.stdout.write(card_markdown(facts))
    if out is not None:
        say(f"wrote {out}")
        say(f"next: open {shlex.quote(str(out))}")
    elif not options.json:
        say(f"next: python -m export card {shlex.quote(str(options.tower))} --out card.html")
    return 0
