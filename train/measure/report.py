"""What an evaluation leaves behind: numbers as JSON and CSV, plots, and one HTML page that carries all of it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2

import edge_runtime
from edge_runtime.files import read_json, write_bytes, write_json
from train.fitting.log import read_log
from train.fitting.run import RunFolder
from train.measure.curves import write_curves, write_table
from train.measure.evaluate import Evaluation
from train.measure.plots import plot_det, plot_roc, plot_scores, plot_training
from train.measure.words import (
    cohort_rows,
    decision_rows,
    limits,
    other_rows,
    percent,
    ratio_lines,
    verification_rows,
)
from train.measure.worst import draw_worst


def write_evaluation(
    out: str | Path, evaluation: Evaluation, *, command: str = "", pictures: bool = False
) -> list[Path]:
    """Write all files of an evaluation into a folder, each of them whole or not at all.

    Args:
        out: The folder: ``metrics.json``, plots as PNG with the same points as CSV, ``worst.csv`` and ``report.html``.
        evaluation: What was measured.
        command: What was typed, for the report.
        pictures: Whether to write ``worst.png`` and show it in the report. It shows faces, which are biometric data.

    Raises:
        WriteError: A file cannot be written.
    """
    folder, title = Path(out), _title(evaluation)
    # Nothing of an earlier evaluation may stay beside this one, faces least of all.
    for name in ("worst.png", "training.png"):
        (folder / name).unlink(missing_ok=True)
    scores, result = evaluation.scores, evaluation.result
    plots = {
        "roc": plot_roc(folder / "roc.png", scores, result, title),
        "hist": plot_scores(folder / "hist.png", scores, result, title),
        "det": plot_det(folder / "det.png", scores, result, title),
    }
    if (training := _plot_training(folder, Path(evaluation.tower))) is not None:
        plots["training"] = training
    if pictures and evaluation.worst:
        sheet = draw_worst(evaluation.worst, evaluation.measured.faces)
        plots["worst"] = write_bytes(folder / "worst.png", sheet)
    return [
        write_json(folder / "metrics.json", evaluation.as_mapping()),
        *plots.values(),
        *write_curves(folder, scores),
        _write_worst(folder, evaluation),
        write_report(folder / "report.html", evaluation, plots, command=command),
    ]


def _title(evaluation: Evaluation) -> str:
    """The name of a run folder, or of a file."""
    place = Path(evaluation.tower)
    return place.parent.name if place.name == "tower.keras" else place.name


def _write_worst(folder: Path, evaluation: Evaluation) -> Path:
    heading = ("kind", "left", "right", "similarity", "distance", "verdict", "wrong")
    rows = [[pair.as_mapping()[name] for name in heading] for pair in evaluation.worst]
    return write_table(folder / "worst.csv", heading, rows)


def _plot_training(folder: Path, tower: Path) -> Path | None:
    """The curves of the run that a tower lies in; None for a file that came alone."""
    run = RunFolder(root=tower.parent)
    if tower.suffix != ".keras" or not run.log.exists() or not run.metrics.exists():
        return None
    best = read_json(run.metrics, what="the metrics of this run").get("best_epoch")
    log = read_log(run.log)
    if not isinstance(best, int) or not log.get("epoch"):
        return None
    return plot_training(folder / "training.png", log, best, run.root.name)


def write_report(path: Path, evaluation: Evaluation, plots: dict[str, Path], *, command: str) -> Path:
    """Write the page: no scripts, nothing that is fetched, pictures inside.

    Args:
        path: The file.
        evaluation: What was measured.
        plots: PNG files by name: ``roc``, ``hist``, ``det``, and ``training`` and ``worst`` where there are such.
        command: What was typed.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=jinja2.StrictUndefined
    )
    page = environment.get_template("report.html.j2").render(_values(evaluation, plots, command))
    return write_bytes(path, page.encode())


def _values(evaluation: Evaluation, plots: dict[str, Path], command: str) -> dict[str, Any]:
    decisions, cohorts = evaluation.decisions, evaluation.cohorts
    return {
        "title": _title(evaluation),
        "tower": evaluation.tower,
        "data": evaluation.data,
        "version": edge_runtime.__version__,
        "command": command,
        "result": evaluation.result,
        "verification": verification_rows(evaluation),
        "others": other_rows(evaluation),
        "decisions": decisions,
        "decision_rows": decision_rows(evaluation),
        "rates": None if decisions is None else (percent(decisions.fmr), percent(decisions.fnmr)),
        "cohorts": cohorts,
        "cohort_rows": [] if cohorts is None else cohort_rows(cohorts),
        "ratios": [] if cohorts is None else ratio_lines(cohorts),
        "worst": evaluation.worst,
        "verdict_threshold": evaluation.verdict_threshold,
        "limits": limits(evaluation),
        "plots": {name: _data_url(place.read_bytes()) for name, place in plots.items()},
        "headline": _headline(evaluation),
    }


def _headline(evaluation: Evaluation) -> Sequence[str]:
    """The lowest FAR that the pairs resolve, with its TAR."""
    rows = [row for row in verification_rows(evaluation)[2:] if row[1] != "not resolvable"]
    return rows[-1] if rows else verification_rows(evaluation)[1]


def _data_url(data: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"
