"""The report's plots, as PNG bytes."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

from benchmarks.demo.compare import Comparison
from benchmarks.demo.score import Attempt
from edge_runtime.measures.metrics import equal_error_rate, roc_curve

matplotlib.use("Agg")
import matplotlib.pyplot as plt

_GENUINE, _IMPOSTOR, _FLOAT, _INT8 = "#2c7fb8", "#d95f0e", "#888888", "#2c7fb8"


def training_curve(log: Path) -> bytes:
    """Loss and validation EER over the epochs, from the run's ``log.csv``."""
    with log.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    epochs = [int(row["epoch"]) + 1 for row in rows]
    figure, left = plt.subplots(figsize=(7, 3.6))
    left.plot(epochs, [float(row["loss"]) for row in rows], color=_IMPOSTOR, label="training loss")
    left.set(xlabel="epoch", ylabel="training loss")
    right = left.twinx()
    eer = [100 * float(row[key]) for row in rows for key in row if key.endswith("eer")]
    right.plot(epochs, eer, color=_GENUINE, label="EER on validation people")
    right.set(ylabel="EER in %", ylim=(0, None))
    figure.legend(loc="lower center", ncols=2, bbox_to_anchor=(0.5, -0.01), frameon=False)
    return _png(figure, "Training")


def score_histograms(result: Comparison) -> bytes:
    """Genuine and impostor similarities of the exported file on unseen people."""
    figure, axes = plt.subplots(figsize=(7, 3.6))
    bins = np.linspace(-1, 1, 81).tolist()
    axes.hist(result.int8_scores.impostor, bins=bins, density=True, alpha=0.6, color=_IMPOSTOR, label="impostor pairs")
    axes.hist(result.int8_scores.genuine, bins=bins, density=True, alpha=0.6, color=_GENUINE, label="genuine pairs")
    axes.axvline(result.threshold, color="black", linestyle="--", label=f"threshold {result.threshold:.2f}")
    axes.set(xlabel="cosine similarity", ylabel="density")
    axes.legend(frameon=False)
    return _png(figure, "Similarities of single pictures, int8, unseen people")


def roc(result: Comparison) -> bytes:
    """ROC of the float tower and of the exported file."""
    figure, axes = plt.subplots(figsize=(7, 3.6))
    for scores, name, colour in ((result.float_scores, "float", _FLOAT), (result.int8_scores, "int8", _INT8)):
        _, fmr, tar = roc_curve(scores)
        eer = 100 * equal_error_rate(scores)[0]
        axes.plot(np.maximum(fmr, 1e-4), 1 - tar, color=colour, label=f"{name}, EER {eer:.1f} %")
    axes.set(xscale="log", xlabel="FMR (impostor pairs accepted)", ylabel="FNMR (genuine pairs rejected)")
    axes.set(xlim=(3e-4, 1), ylim=(0, 1))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return _png(figure, "Error rates of single pictures on unseen people")


def attempts_chart(attempts: list[Attempt]) -> bytes:
    """The similarity of every verification attempt on the video, by who was before the camera."""
    visitors = list(dict.fromkeys(attempt.visitor for attempt in attempts))
    figure, axes = plt.subplots(figsize=(7, 3.6))
    for genuine, colour, name in ((False, _IMPOSTOR, "impostor attempts"), (True, _GENUINE, "genuine attempts")):
        mine = [a for a in attempts if a.genuine is genuine and a.similarity is not None]
        places = [visitors.index(attempt.visitor) for attempt in mine]
        axes.scatter(places, [attempt.similarity for attempt in mine], color=colour, label=name, s=28, zorder=3)
    thresholds = [attempt.threshold for attempt in attempts if attempt.threshold is not None]
    if thresholds:
        axes.axhline(thresholds[0], color="black", linestyle="--", label=f"threshold {thresholds[0]:.2f}")
    known = {attempt.visitor for attempt in attempts if attempt.genuine}
    names = [f"{visitor}\n{'known' if visitor in known else 'unknown'}" for visitor in visitors]
    axes.set_xticks(range(len(visitors)), names, fontsize=8)
    axes.set(xlabel="who was before the camera", ylabel="mean similarity over frames", ylim=(-0.6, 1))
    axes.grid(axis="y", alpha=0.3)
    axes.legend(frameon=False, fontsize=8, ncols=3, loc="upper center")
    return _png(figure, "Verification on the video: every visitor claims to be each enrolled person")


def _png(figure: Any, title: str) -> bytes:
    figure.axes[0].set_title(title, loc="left", fontsize=11)
    figure.tight_layout(rect=(0, 0.06, 1, 1) if figure.legends else None)
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=120)
    plt.close(figure)
    return data.getvalue()
