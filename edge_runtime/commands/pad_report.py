"""``siamlite pad-report``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from edge_runtime.commands.console import EXIT_OK, emit, end_status, say, status, table
from edge_runtime.commands.options import Commands, add_command, detector_options, set_run, threads_option

if TYPE_CHECKING:
    from edge_runtime.liveness.rates import KindRates


def add(commands: Commands) -> None:
    """Add the command and its options."""
    parser = add_command(commands, "pad-report", "how often are pictures taken for people, and people for pictures?")
    parser.add_argument(
        "folder", type=Path, metavar="DIR", help="holds bona-fide/ and a folder for each kind of attack"
    )
    parser.add_argument(
        "--rate", type=float, default=15.0, metavar="FPS", help="of sequences of pictures (default: 15)"
    )
    parser.add_argument(
        "--liveness", choices=["on", "required"], default="required",
        help="as it is used: whether no sign either way is a refusal (required, the default) or not (on)",
    )  # fmt: skip
    parser.add_argument("--antispoof", type=Path, metavar="CARD", help="card of a passive anti-spoof model to ask too")
    parser.add_argument("--no-planarity", action="store_true", help="leave the planarity test out")
    detector_options(parser)
    threads_option(parser)
    set_run(parser, _run)


def _run(options: argparse.Namespace) -> int:
    """Judge every presentation and count."""
    from edge_runtime.commands.given import given_detector
    from edge_runtime.errors import UsageError
    from edge_runtime.faces.finder import FaceFinder
    from edge_runtime.liveness.folder import find_presentations
    from edge_runtime.liveness.passive import AntiSpoof
    from edge_runtime.liveness.policy import LivenessPolicy
    from edge_runtime.liveness.presentation import judge
    from edge_runtime.liveness.rates import Judged, kind_rates
    from edge_runtime.liveness.stage import make_stage

    if not 1 <= options.rate <= 240:
        raise UsageError(f"the rate must be from 1 to 240 frames a second, not {options.rate}.")
    presentations = find_presentations(options.folder)
    model = None
    if options.antispoof is not None:
        model = AntiSpoof(options.antispoof, threads=options.threads, family=options.interpreter)
    policy = LivenessPolicy(mode=options.liveness, planarity=not options.no_planarity)
    stage = make_stage(policy, model, faces="largest")
    if stage is None:
        raise UsageError("liveness is off: there is nothing to report.")
    finder = FaceFinder(
        detector=given_detector(options),
        smallest_px=options.smallest_face,
        threads=options.threads,
        family=options.interpreter,
    )
    judged = []
    for at, item in enumerate(presentations, start=1):
        status(f"{at} of {len(presentations)}: {item.kind}/{item.path.name}")
        finding = judge(item.frames(options.rate), finder, stage)
        judged.append(Judged(kind=item.kind, bona_fide=item.bona_fide, finding=finding))
    end_status()
    rates = kind_rates(judged, mode=options.liveness)
    if options.json:
        emit({"liveness": options.liveness, "kinds": [kind.to_dict() for kind in rates]})
        return EXIT_OK
    print(rates_table(rates))
    say("bounds: 95 % by Clopper and Pearson, of independent presentations")
    return EXIT_OK


def rates_table(rates: list[KindRates]) -> str:
    """The table of a report."""
    rows = [["kind", "measure", "errors", "tries", "rate", "95 % bounds", "reasons"]]
    for kind in rates:
        low, high = kind.bounds
        reasons = ", ".join(f"{count} {reason}" for reason, count in kind.reasons.items())
        numbers = [str(kind.errors), str(kind.tries), f"{kind.rate:.3f}", f"{low:.3f} to {high:.3f}"]
        rows.append([kind.kind, kind.measure, *numbers, reasons])
    return table(rows)
