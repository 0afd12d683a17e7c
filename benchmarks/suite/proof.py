"""``python -m benchmarks.suite.proof``: does the comparison see a slow-down, and is it quiet where there is none?

Some suites are run again and again with the same code and once with copies in two hot paths, each run in several
passes. Every run of the same code is compared with the first.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.suite.change import LEAST_CHANGE, compare_runs
from benchmarks.suite.machine import commit, describe_machine
from benchmarks.suite.passes import busy, run_pass
from benchmarks.suite.record import condense
from benchmarks.suite.results import PROOF, RESULTS
from benchmarks.suite.slowed import SLOWED
from edge_runtime.commands.console import EXIT_OK, EXIT_REFUSED, emit, run_command, say
from edge_runtime.errors import UsageError
from edge_runtime.files import refuse_overwrite, write_json

_SUITES = tuple(f"benchmarks/stages/test_{name}.py" for name in ("decode", "match", "decide", "embed"))
# What takes long and adds nothing here.
_LEFT_OUT = "not 1000000 and not small and not preprocess and not 2-threads and not 3-threads and not 4-threads"


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.suite.proof", description=__doc__)
    add = parser.add_argument
    add("--repeats", type=int, default=5, metavar="N", help="runs of the same code after the first (default: 5)")
    add("--passes", type=int, default=5, metavar="N", help="passes of each run (default: 5)")
    add("--load", type=int, default=1, metavar="N", help="keep so many processes busy meanwhile (default: 1)")
    add("--results", type=Path, default=RESULTS, metavar="DIR", help="default: benchmarks/results")
    add("--force", action="store_true", help="replace the result that is there")
    add("--json", action="store_true", help="print the result as JSON on standard output")
    add("--debug", action="store_true", help="show tracebacks")
    parser.set_defaults(run=_run)
    return parser


def _run(options: argparse.Namespace) -> int:
    if options.repeats < 1 or options.passes < 3 or not 0 <= options.load <= 64:
        raise UsageError("at least one repeat and three passes are needed, and --load is from 0 to 64.")
    machine, checked_out = describe_machine(), commit()
    target = options.results / machine["folder"] / f"{PROOF}.json"
    refuse_overwrite(target, force=options.force)
    with tempfile.TemporaryDirectory() as scratch, busy(options.load):
        runs, others = _interleaved(Path(scratch), options)
    ratios = {name: {key: one["ratio"]["computed"] for key, one in run.items()} for name, run in runs.items()}
    result = {
        "command": f"python -m benchmarks.suite.proof --repeats {options.repeats} --passes {options.passes} "
        f"--load {options.load}",
        "commit": checked_out,
        "machine": machine,
        "other_work_cores": others,
        "passes": options.passes,
        "ratios": ratios,
        **found(ratios),
    }
    say(f"written: {write_json(target, result)}")
    if options.json:
        emit(result)
    wrong = [flag for flag in result["false_flags"] if flag["verdict"] == "slower"]
    say(f"{len(wrong)} of {result['comparisons']} comparisons of equal code say slower")
    say(f"slowed on purpose: {len(result['caught'])} caught, {len(result['missed'])} missed")
    return EXIT_REFUSED if wrong or result["missed"] else EXIT_OK


def _interleaved(scratch: Path, options: argparse.Namespace) -> tuple[dict[str, Any], list[float]]:
    """Run after run, each with all of its passes, as two runs of a user are: what changes meanwhile is between them."""
    runs, others = {}, []
    names = [*(f"same {number}" for number in range(options.repeats + 1)), "slowed"]
    for name in names:
        plugin = ["-p", "benchmarks.suite.slowed"] if name == "slowed" else []
        words = [*_SUITES, "-k", _LEFT_OUT, "--times-only", *plugin]
        documents = []
        for number in range(options.passes):
            document, about = run_pass(scratch / f"{name}-{number}.json", words, suites=name)
            documents.append(document)
            others.append(about["other_work_cores"])
        runs[name] = condense(documents)
    return runs, others


def found(ratios: Mapping[str, Mapping[str, Sequence[float]]]) -> dict[str, Any]:
    """What the comparisons come to.

    Args:
        ratios: For each run (``same 0``, ``same 1``, …, and ``slowed``, which has copies in it) the ratio of each pass
            of each benchmark.

    Returns:
        ``comparisons`` of equal code, ``false_flags`` (those that call a change, to either side), ``slowed`` (the
        change of each benchmark that was made slower), ``caught``, ``missed`` (of those that did become slower by more
        than 10 %), and ``beside``: what was found slower in that run without having been touched.
    """
    runs = {name: {key: {"ratio": {"computed": held}} for key, held in run.items()} for name, run in ratios.items()}
    first, slowed = runs["same 0"], runs["slowed"]
    same = [run for name, run in runs.items() if name not in ("same 0", "slowed")]
    flags = [
        {"run": number, **change.as_mapping()}
        for number, run in enumerate(same, start=1)
        for change in compare_runs(first, run)
        if change.verdict in ("slower", "faster")
    ]
    changes = compare_runs(first, slowed)
    touched = [change for change in changes if change.name.startswith(SLOWED)]
    caught = [change for change in touched if change.verdict == "slower"]
    large = [change for change in touched if (change.change or 0) > LEAST_CHANGE]
    return {
        "comparisons": len(same) * len(first),
        "benchmarks": sorted(first),
        "false_flags": flags,
        "slowed": [change.as_mapping() for change in touched],
        "caught": [change.name for change in caught],
        "missed": [change.name for change in large if change not in caught],
        "beside": [change.name for change in changes if change.verdict == "slower" and change not in touched],
    }


if __name__ == "__main__":
    raise SystemExit(run_command(make_parser(), None))
