"""``python -m benchmarks.liveness``: how often pictures are taken for people, and people for pictures."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from edge_runtime.commands.console import EXIT_OK, emit, run_command, say


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.liveness",
        description="Real photographs are held before a rendered camera (shifted, turned, held closer, bent), and laid "
        "on surfaces like heads that turn; one real video of a person is shown too. Each clip is judged as a device "
        "would.",
    )
    add = parser.add_argument
    add("--people", type=int, default=20, metavar="N", help="AT&T people whose pictures are held (default: 20)")
    add("--tries", type=int, default=1, metavar="N", help="clips of each photograph and kind (default: 1)")
    add("--photos", type=Path, metavar="DIR", help="photographs of your own instead of the AT&T faces")
    add("--seed", type=int, default=0, metavar="N", help="of everything that is random (default: 0)")
    add("--challenge", action="store_true", help="try the challenge instead: who does what is asked, and who does not")
    add("--json", action="store_true", help="print the result as JSON on standard output")
    add("--debug", action="store_true", help="show tracebacks")
    parser.set_defaults(run=_run)
    return parser


def _run(options: argparse.Namespace) -> int:
    import cv2

    from benchmarks.demo.att import extract_att
    from benchmarks.liveness.clips import photographs
    from benchmarks.liveness.trials import challenge_trials, planarity_trials
    from edge_runtime.commands.pad_report import rates_table
    from edge_runtime.errors import DataError, UsageError
    from edge_runtime.faces.finder import FaceFinder
    from edge_runtime.fetch import install_detectors
    from edge_runtime.home import cache_folder
    from edge_runtime.images import is_image_path

    if not 1 <= options.people <= 40 or options.tries < 1:
        raise UsageError("1 to 40 people and at least one try are needed.")
    cv2.setNumThreads(1)
    if options.photos is not None:
        paths = sorted(path for path in options.photos.rglob("*") if is_image_path(path))
    else:
        att = extract_att(cache_folder() / "att")
        paths = [att / f"s{person}/{1 + person % 10}.pgm" for person in range(1, options.people + 1)]
    with tempfile.TemporaryDirectory() as folder:
        finder = FaceFinder(models=install_detectors(folder=Path(folder))[0].parent)
        photos = photographs(paths, finder)
        if not photos:
            raise DataError("none of the photographs shows one face well.")
        say(f"{len(photos)} of {len(paths)} photographs show one face well")
        trials = challenge_trials if options.challenge else planarity_trials
        rates, cost = trials(photos, finder, tries=options.tries, seed=options.seed)
    if options.json:
        emit({"kinds": [kind.to_dict() for kind in rates], "cost_ms": cost})
        return EXIT_OK
    print(rates_table(rates))
    print("\nthe stage beside detection, CPU ms a frame: " + ", ".join(f"{k} {v:.2f}" for k, v in cost.items()))
    return EXIT_OK


if __name__ == "__main__":
    raise SystemExit(run_command(make_parser(), None))
