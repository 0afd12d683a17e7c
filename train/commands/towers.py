"""``python -m train towers``."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_runtime.errors import UsageError
from train.commands.output import report_result

if TYPE_CHECKING:
    from edge_runtime.towers.preprocess import InputSpec
    from train.config import TowerConfig
    from train.towers.measure import TowerCost

    Row = tuple[InputSpec, TowerConfig]

_HEAD = ["tower", "input", "parameters", "MACs (M)", "float KB", "int8 KB"]
_HEAD += ["float ms", "p95", "int8 ms", "p95"]


def add(commands: Any) -> None:
    """Add the command and its options."""
    command = commands.add_parser("towers", help="what each network costs on this machine, before it is trained")
    command.add_argument("names", metavar="NAME", nargs="*", help="only these towers (default: all)")
    command.add_argument("--recipe", metavar="R", help="the tower of a recipe, or NAME with its other settings")
    command.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help="change a value of the recipe")
    command.add_argument("--size", metavar="PX", type=int, help="side of the input in pixels")
    command.add_argument("--colour", choices=("grey", "rgb"), help="colours of the input")
    command.add_argument("--width", metavar="N", type=int, help="short for --set tower.width=N")
    command.add_argument("--threads", metavar="N", type=int, default=1, help="threads to compute with (1)")
    command.add_argument("--repeats", metavar="N", type=int, default=200, help="timed runs of each model (200)")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    if not 10 <= options.repeats <= 100_000:
        raise UsageError(f"--repeats must be from 10 to 100000, not {options.repeats}.")
    if not 1 <= options.threads <= 64:
        raise UsageError(f"--threads must be from 1 to 64, not {options.threads}.")
    rows = _rows(options)
    from tqdm import tqdm

    from edge_runtime.machine.device import OtherWork, device_name
    from train.towers.build import TOWERS, build_tower
    from train.towers.measure import measure_tower

    for spec, config in rows:
        build_tower(spec, config)  # What cannot be built is said before minutes of measuring.
    others = OtherWork()
    costs = [
        measure_tower(spec, config, threads=options.threads, repeats=options.repeats)
        for spec, config in tqdm(rows, desc="towers", leave=False, disable=None)
    ]
    report = {
        "device": device_name(),
        "busy_cores": others.busy_cores(),
        "threads": options.threads,
        "repeats": options.repeats,
        "interpreter": costs[0].interpreter,
        "trained": False,
        "towers": [
            {"purpose": TOWERS[config.name].purpose, "input": asdict(spec), "config": asdict(config), **asdict(cost)}
            for (spec, config), cost in zip(rows, costs, strict=True)
        ],
    }
    report_result(report, _as_text(report, rows, costs), as_json=options.json)
    return 0


def _rows(options: argparse.Namespace) -> list[Row]:
    """What to measure: the usual towers, or those of a recipe, with what the options change."""
    from dataclasses import replace

    from train.recipe import DEFAULT_RECIPE, load_config
    from train.towers.usual import usual_towers

    if options.recipe or options.set:
        config = load_config(options.recipe or DEFAULT_RECIPE, options.set)
        names = options.names or [config.tower.name]
        rows = [(config.input, replace(config.tower, name=name)) for name in names]
    else:
        rows = usual_towers(options.names)
    inputs = {"size_px": options.size, "colour": options.colour}
    changed = {key: value for key, value in inputs.items() if value is not None}
    width = {} if options.width is None else {"width": options.width}
    rows = [(replace(spec, **changed), replace(config, **width)) for spec, config in rows]
    return list(dict.fromkeys(rows))


def _as_text(report: dict[str, Any], rows: list[Row], costs: list[TowerCost]) -> str:
    from edge_runtime.commands.console import table

    lines = [_HEAD, *(_line(spec, config, cost) for (spec, config), cost in zip(rows, costs, strict=True))]
    busy = report["busy_cores"]
    shared = "" if busy is None or busy < 0.1 else f"; shared: other work kept {busy} cores busy"
    threads = f"{report['threads']} thread" + ("s" if report["threads"] > 1 else "")
    return (
        f"device: {report['device']}{shared}\n"
        f"interpreter: {report['interpreter']}, {threads}, {report['repeats']} runs of each, float and int8 in turns\n"
        f"\n{table(lines)}\n\n"
        "ms: median and 95th percentile of the network alone, one picture at a time.\n"
        "The towers are untrained: neither sizes nor times depend on the weights."
    )


def _line(spec: InputSpec, config: TowerConfig, cost: TowerCost) -> list[str]:
    from train.towers.build import TOWERS

    detail = config.backbone if "width" in TOWERS[config.name].unused else str(config.width)
    if config.name == "file":
        detail = Path(config.weights).stem
    latencies = (cost.float_latency, cost.int8_latency)
    return [
        f"{config.name} {detail}",
        f"{spec.size_px} {spec.colour}",
        f"{cost.parameters}",
        f"{cost.macs / 1e6:.1f}",
        f"{cost.float_bytes / 1000:.0f}",
        f"{cost.int8_bytes / 1000:.0f}",
        *(f"{value:.2f}" for latency in latencies for value in (latency.median_ms, latency.p95_ms)),
    ]
