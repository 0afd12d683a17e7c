"""``python -m benchmarks.seeds``: trainings to be compared, a part at a time."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.parts import load_later
from edge_runtime.commands.console import run_command

_ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path(__file__).resolve().parent / "results"


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.seeds",
        description="Train what the tutorials train, and what siamlite makes of it; compare losses and samplers.",
    )
    parts = parser.add_subparsers(title="parts", required=True, metavar="PART")
    fashion = parts.add_parser("fashion", help="Fashion-MNIST: the tutorial's tower and pairs, and the recipe fashion")
    fashion.add_argument(
        "--tutorial-epochs", type=int, nargs="+", default=[10], metavar="N", help="epochs of the tutorial (default: 10)"
    )
    fashion.set_defaults(run=load_later("benchmarks.seeds", "fashion"))
    losses = parts.add_parser("losses", help="every loss and sampler on the AT&T faces")
    losses.add_argument("--seeds", type=int, nargs="+", default=[0, 1], metavar="N", help="default: 0 1")
    losses.set_defaults(run=load_later("benchmarks.seeds", "losses"))
    att = parts.add_parser("att", help="the AT&T faces by some recipes, float and int8")
    att.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], metavar="N", help="default: 0 1 2")
    att.add_argument(
        "--recipe", nargs="+", default=["att"], metavar="NAME", help="recipes, or .toml files (default: att)"
    )
    att.set_defaults(run=load_later("benchmarks.seeds", "att"))
    for command in (fashion, losses, att):
        command.add_argument(
            "--work", type=Path, default=_ROOT / "runs/seeds", metavar="DIR", help="for runs (default: runs/seeds)"
        )
        command.add_argument("--force", action="store_true", help="train anew what is in the work folder already")
    for command in (losses, att):
        command.add_argument("--wheels", type=Path, metavar="DIR", help="folder with the wheels, without network")
    page = parts.add_parser("page", help="write docs/seeds.md from the results")
    page.add_argument(
        "--out", type=Path, default=_ROOT / "docs/seeds.md", metavar="FILE", help="default: docs/seeds.md"
    )
    page.set_defaults(run=load_later("benchmarks.seeds", "page"))
    for command in parts.choices.values():
        command.add_argument("--results", type=Path, default=RESULTS, metavar="DIR", help="folder of the JSON files")
        command.add_argument("--debug", action="store_true", help="show tracebacks")
    return parser


if __name__ == "__main__":
    raise SystemExit(run_command(make_parser(), None))
