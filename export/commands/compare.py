"""``python -m export compare``."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_runtime.commands.console import emit, say
from edge_runtime.errors import UsageError
from edge_runtime.files import refuse_overwrite, write_bytes, write_json

if TYPE_CHECKING:
    from export.comparison.result import Comparison

FILES = ("compare.json", "compare.csv", "compare.png")


def add(commands: Any) -> None:
    """Add the command and its options."""
    command = commands.add_parser("compare", help="accuracy, size, latency and memory of towers side by side")
    # The defaults stand here as well as in export.comparison.run, so that --help need not load numpy and OpenCV.
    command.add_argument("towers", type=Path, nargs="+", metavar="TOWER", help=".tflite files; others go by the first")
    command.add_argument(
        "--data", type=Path, required=True, metavar="DIR", help="people to measure on, one folder each"
    )
    command.add_argument(
        "--run",
        type=Path,
        action="append",
        default=[],
        metavar="RUN",
        dest="runs",
        help="the run of a tower: the people it was trained on are left out (again for more runs)",
    )
    command.add_argument("--out", type=Path, metavar="DIR", help="write compare.json, compare.csv and compare.png here")
    command.add_argument("--threads", type=int, default=1, metavar="N", help="threads to compute with (1)")
    command.add_argument(
        "--repeats", type=int, default=300, metavar="N", help="timed runs of each tower at least (300)"
    )
    command.add_argument(
        "--max-pictures", type=int, default=3000, metavar="N", help="draw N pictures, evenly over the people (3000)"
    )
    command.add_argument("--interpreter", choices=["litert", "tflite-runtime"], help="which interpreter")
    command.add_argument("--seed", type=int, default=0, metavar="N", help="seed of all that is drawn (0)")
    command.add_argument("--force", action="store_true", help="replace the files in --out")
    command.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.out is not None:
        refuse_files(arguments.out, force=arguments.force)
    from export.comparison.run import CompareOptions, compare_towers
    from export.comparison.tables import as_text

    names = ("data", "threads", "repeats", "max_pictures", "interpreter", "seed")
    options = CompareOptions(
        towers=tuple(arguments.towers),
        runs=tuple(arguments.runs),
        **{name: getattr(arguments, name) for name in names},
    )
    found = compare_towers(options)
    if arguments.json:
        emit(found.as_mapping())
    else:
        print(as_text(found), flush=True)
    for note in found.notes:
        say(f"note: {note}")
    if arguments.out is not None:
        for path in write_comparison(arguments.out, found):
            say(f"wrote {path}")
    best = min(found.entries, key=lambda entry: (entry.accuracy.eer.value, entry.latency.median_ms))
    say(f"next: siamlite enroll NAME --tower {shlex.quote(str(best.contender.path))} --source 0")
    return 0


def refuse_files(folder: Path, *, force: bool) -> None:
    """Refuse a folder that cannot be written to, or that holds an earlier comparison, before minutes of measuring.

    Raises:
        UsageError: It is a file, or one of :data:`FILES` is in it and ``force`` is false.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; --out takes a folder. Choose another --out.")
    for name in FILES:
        refuse_overwrite(folder / name, force=force)


def write_comparison(folder: Path, found: Comparison) -> list[Path]:
    """Write the comparison as JSON, CSV and PNG; all three are made before the first is written.

    Raises:
        WriteError: One cannot be written.
    """
    from export.comparison.plot import plot_comparison
    from export.comparison.tables import as_csv

    table, picture = as_csv(found), plot_comparison(found)
    return [
        write_json(folder / "compare.json", found.as_mapping()),
        write_bytes(folder / "compare.csv", table),
        write_bytes(folder / "compare.png", picture),
    ]
