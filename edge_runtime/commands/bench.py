"""``siamlite bench``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_runtime.commands.console import EXIT_OK, emit, end_status, say, status, table
from edge_runtime.commands.options import Commands, add_command, set_run, source_option, tower_options
from edge_runtime.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_runtime.sources.camera import Frame


def add(commands: Commands) -> None:
    """Add the command and its options."""
    parser = add_command(commands, "bench", "how long each stage takes on this machine")
    source_option(parser, default="drawn frames with a face")
    tower_options(parser)
    parser.add_argument("--repeats", type=int, default=200, help="frames that are timed (default: 200)")
    parser.add_argument("--people", type=int, default=100, help="size of the gallery to match against (default: 100)")
    parser.add_argument("--max-threads", type=int, help="compare 1 to so many threads (default: all cores, at most 4)")
    parser.add_argument("--cold-starts", type=int, default=5, help="processes to start from nothing (default: 5)")
    parser.add_argument("--plot", type=Path, metavar="FILE.svg", help="draw what was measured")
    parser.add_argument("--force", action="store_true", help="replace FILE.svg if it is there")
    set_run(parser, _run)


def _run(options: argparse.Namespace) -> int:
    """How long each stage takes on this machine."""
    from edge_runtime.commands.given import load_tower
    from edge_runtime.files import refuse_overwrite, write_bytes
    from edge_runtime.machine.bench import BenchPlan, measure
    from edge_runtime.machine.bench_plot import bench_svg, machine_lines

    if options.plot is not None:
        if options.plot.suffix.lower() != ".svg":
            raise UsageError(f"the plot is an SVG picture: --plot {options.plot.with_suffix('.svg')}")
        refuse_overwrite(options.plot, force=options.force)
    plan = BenchPlan(
        frames=options.repeats,
        people=options.people,
        max_threads=_max_threads(options.max_threads),
        cold_starts=options.cold_starts,
    )

    def load(threads: int) -> Any:
        return load_tower(argparse.Namespace(**{**vars(options), "threads": threads}))

    result = measure(
        load,
        _frames(options),
        plan,
        source=options.source or "a drawn face",
        threads=options.threads,
        words=_same_tower(options),
        progress=lambda text: status(text),
    )
    end_status()
    if options.plot is not None:
        write_bytes(options.plot, bench_svg(result).encode())
    if options.json:
        emit(result)
        return EXIT_OK
    _print(result, machine_lines(result))
    if options.plot is not None:
        say(f"drawn: {options.plot}")
    return EXIT_OK


def _print(result: dict[str, Any], machine: list[str]) -> None:
    tower, frames, device = result["tower"], result["frames"], result["device"]
    say(f"{tower['name']} ({tower['recipe']}), {tower['detector']} detector, {tower['threads']} thread(s)")
    say(f"{tower['interpreter']} on {device['name']}; numpy {device['numpy']}, OpenCV {device['opencv']}")
    seen = f"{frames['timed']} frames of {frames['source']}, {frames['width']}×{frames['height']}"
    say(f"{seen}, {frames['with_face']} with a face; 1:{tower['people']}")
    keys = ("p50_ms", "p95_ms", "p99_ms")
    rows = [[name, *(f"{times[key]:.2f}" for key in keys)] for name, times in result["stages"].items()]
    tracked = result["tracker"]["whole frame"]
    rows.append(["whole frame, tracker on", *(f"{tracked[key]:.2f}" for key in keys)])
    for number, times in result["threads"].items():
        rows += [[f"{name}, {number} thread(s)", *(f"{t[key]:.2f}" for key in keys)] for name, t in times.items()]
    print(table([["stage", "p50 ms", "p95 ms", "p99 ms"], *rows]))
    print(f"frames a second: {result['frames_per_s']:g}, with the tracker {result['tracked_frames_per_s']:g}")
    print("\n".join(machine))


def _frames(options: argparse.Namespace) -> Iterator[Frame]:
    from edge_runtime.commands.given import given_frames
    from edge_runtime.machine.stages import endless, own_frames
    from edge_runtime.sources.camera import open_source
    from edge_runtime.sources.options import parse_size

    if options.source:
        return endless(lambda: open_source(options.source, options=given_frames(options)))
    width, height = (640, 480) if options.size is None else parse_size(options.size)
    if min(width, height) < 96:
        raise UsageError(f"the drawn frames must be 96 pixels a side at least, not {options.size}.")
    return own_frames(width, height)


def _max_threads(asked: int | None) -> int:
    import os

    return min(4, os.cpu_count() or 1) if asked is None else asked


def _same_tower(options: argparse.Namespace) -> list[str]:
    """The options that load the same tower in another process."""
    from edge_runtime.towers.shipped import find_tower

    words = ["--tower", str(find_tower(options.tower)), "--threads", str(options.threads)]
    words += ["--detector", options.detector, "--engine", options.engine]
    for name in ("interpreter", "delegate", "detector_model", "smallest_face"):
        if getattr(options, name) is not None:
            words += [f"--{name.replace('_', '-')}", str(getattr(options, name))]
    for key in options.trusted_key:
        words += ["--trusted-key", str(key)]
    words += ["--no-xnnpack"] if options.no_xnnpack else []
    return [*words, "--require-signed"] if options.require_signed else words
