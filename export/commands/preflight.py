"""``python -m export preflight``."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_runtime.commands.console import EXIT_OK, EXIT_REFUSED, emit, say, table

if TYPE_CHECKING:
    from edge_runtime.towers.preprocess import InputSpec
    from export.preflight.verdicts import Verdict


def add(commands: Any) -> None:
    """Add the command and its options."""
    command = commands.add_parser("preflight", help="say which interpreters run a .tflite file, and which would not")
    command.add_argument("file", type=Path, metavar="FILE", help="a tower file or any .tflite file")
    command.add_argument(
        "--target",
        action="append",
        default=[],
        metavar="NAME",
        help="it must run there, or the exit code is 1; again for more (ai-edge-litert-2, ai-edge-litert-1.4, "
        "tflite-runtime-2.14, edge-tpu)",
    )
    command.add_argument(
        "--runtime-python",
        type=Path,
        action="append",
        default=[],
        metavar="PATH",
        help="also run the file in another environment, given by its Python; again for more",
    )
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from export.preflight.file import read_model
    from export.preflight.verdicts import examine, refuse_everywhere, refuse_unknown, sentence

    refuse_unknown(options.target)
    flatbuffer, spec = read_model(options.file)
    looked_up = examine(flatbuffer)
    refuse_everywhere(looked_up)
    verdicts = _with_trials(flatbuffer, spec, looked_up, options.runtime_python)
    refuse_everywhere(verdicts)
    wanted = [verdict for verdict in verdicts if verdict.runtime in options.target]
    failed = [verdict for verdict in wanted if not _passes(verdict)]
    if options.json:
        emit({"file": str(options.file), "passed": not failed, "verdicts": [asdict(verdict) for verdict in verdicts]})
    else:
        _tell(verdicts)
    for verdict in failed:
        say(f"error: {sentence(verdict)}")
    if failed:
        return EXIT_REFUSED
    if not options.json and spec is not None:
        print(f"next: siamlite bench --tower {shlex.quote(str(options.file))}")
    return EXIT_OK


def _passes(verdict: Verdict) -> bool:
    from export.preflight.verdicts import EDGE_TPU

    return verdict.outcome == "runs" or (verdict.runtime == EDGE_TPU and verdict.outcome == "unproven")


def _with_trials(
    flatbuffer: bytes, spec: InputSpec | None, verdicts: tuple[Verdict, ...], pythons: Sequence[Path]
) -> list[Verdict]:
    """The verdicts, but for those interpreters in which the file is run now.

    Raises:
        CheckFailed: What the file gives is broken wherever it runs.
    """
    from edge_runtime.errors import TowerError
    from export.preflight.trial import this_environment, tried_verdict, try_out, usual_inputs
    from export.runtimes.environment import OtherEnvironment

    here = this_environment()
    inputs = usual_inputs(flatbuffer, spec)
    found = {verdict.runtime: verdict for verdict in verdicts}
    try:
        expected = try_out(flatbuffer, inputs, here)
    except TowerError as error:
        # Nothing to compare others with: the table has the word on them.
        say(f"note: not run here: {error}")
        return [_downgraded(verdict, here, str(error)) for verdict in verdicts]
    for python in pythons:
        tried = tried_verdict(flatbuffer, inputs, expected, OtherEnvironment(python=python))
        found[tried.runtime] = _worse(found.get(tried.runtime), tried)
    return list(found.values())


def _worse(looked_up: Verdict | None, tried: Verdict) -> Verdict:
    """What was just seen, unless the table says more: which layer it is, or that it is garbage one trial may miss."""
    if looked_up is None or (looked_up.outcome == "refused" and tried.outcome == "runs"):
        return tried
    return looked_up if looked_up.outcome in ("refused", "wrong") else tried


def _downgraded(verdict: Verdict, here: Any, said: str) -> Verdict:
    from dataclasses import replace

    from export.preflight.trial import runtime_name

    if verdict.runtime != runtime_name(here.backend) or verdict.outcome in ("refused", "wrong"):
        return verdict
    remedy = "Export it again: python -m export convert"
    return replace(verdict, outcome="refused", operator="", layer="", reason=said.rstrip(".?"), remedy=remedy)


def _tell(verdicts: Sequence[Verdict]) -> None:
    width = max(len(verdict.runtime) for verdict in verdicts)
    rows = [["runtime", "verdict", "operator", "layer"]]
    rows += [[one.runtime, one.outcome, one.operator or "–", one.layer or "–"] for one in verdicts]
    print(table(rows))
    print()
    for one in verdicts:
        print(f"{one.runtime.ljust(width)}  {one.reason}.{' ' if one.remedy else ''}{one.remedy}")
