"""What every demo ends with: its plots, what its report says, and the tables on the terminal."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

from benchmarks.demo.plots import attempts_chart, score_histograms
from benchmarks.demo.report import data_url, tiles
from benchmarks.demo.singles import Singles
from benchmarks.demo.visitors import Trial
from edge_runtime.commands.console import table
from edge_runtime.files import write_bytes
from edge_runtime.towers.tower import Tower


def shared_plots(out: Path, trial: Trial, singles: Singles, extra: dict[str, bytes]) -> dict[str, bytes]:
    """Draw what every demo shows, and write it together with the other plots as PNG.

    Args:
        out: The demo's folder.
        trial: What came of the video.
        singles: The tower on single pictures.
        extra: Further plots, by name.

    Raises:
        WriteError: A file cannot be written.
    """
    attempts = attempts_chart(trial.verification)
    pictures = {"attempts": attempts, "histograms": score_histograms(singles.scores, singles.point.threshold), **extra}
    for name, data in pictures.items():
        write_bytes(out / f"plots/{name}.png", data)
    return pictures


def shared_values(
    tower: Tower,
    trial: Trial,
    singles: Singles,
    *,
    plots: dict[str, bytes],
    commands: list[tuple[str, float]],
    lead: str,
) -> dict[str, Any]:
    """What the template names in every report.

    Args:
        tower: What was tried.
        trial: What came of the video.
        singles: The tower on single pictures.
        plots: Pictures as PNG, by name.
        commands: What was run, and the seconds that it took.
        lead: What the demo did, in a sentence or two.
    """
    counts = trial.to_dict()
    return {
        "lead": lead,
        "device": f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}",
        "tower": {
            "name": tower.card.name,
            "recipe": tower.card.recipe,
            "kilobytes": round(tower.path.stat().st_size / 1000),
            "interpreter": trial.bench["tower"]["interpreter"],
        },
        "verification": counts["verify"],
        "tables": [(name, counts[name]) for name in ("verify", "identify")],
        "threshold": tower.card.operating_point(),
        "plots": {name: data_url(data, "png") for name, data in plots.items()},
        "tiles": tiles(trial.frames, trial.identification),
        "latency": list(trial.bench["stages"].items()),
        "singles": singles.to_dict(),
        "comparison": None,
        "commands": commands,
    }


def processor_s() -> float:
    """Seconds of all cores that this process and the commands that it ran have used: other work does not count."""
    return round(sum(os.times()[:4]), 1)


def print_result(result: dict[str, Any], out: Path) -> None:
    """Print the counts, the times and the error rates of single pictures as tables."""
    columns = ("attempts", "accepted", "rejected", "false_accepts", "false_rejects")
    rows = [["", *(column.replace("_", " ") for column in columns)]]
    rows += [[name, *(str(result[name][column]) for column in columns)] for name in ("verify", "identify")]
    latency = [["stage", "median ms", "p95 ms"]]
    latency += [[n, f"{t['p50_ms']:.2f}", f"{t['p95_ms']:.2f}"] for n, t in result["latency"].items()]
    seen = result["single_pictures"]
    print(f"\n{table(rows)}\n\n{table(latency)}\n")
    print(
        f"single pictures of {seen['people']} people, {seen['genuine_pairs']:,} genuine and "
        f"{seen['impostor_pairs']:,} impostor pairs: EER {100 * seen['eer']:.2f} %; at the threshold "
        f"{seen['threshold']:.3f} FMR {seen['fmr_at_threshold']:.2g}, FNMR {seen['fnmr_at_threshold']:.2g}"
    )
    print(
        f"tower: {result['tower']} ({result['tower_bytes'] / 1000:.0f} kB); {result['seconds']:.0f} s in all, "
        f"{result['processor_seconds']:.0f} s of processor time"
    )
    print(f"report: {out / 'report.html'}", flush=True)
