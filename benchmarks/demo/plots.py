"""The report's plots, as PNG bytes."""

from __future__ import annotations

import io
from typing import Any

import matplotlib
import numpy as np

from benchmarks.demo.score import Attempt
from edge_runtime.measures.metrics import PairScores, equal_error_rate, roc_curve

matplotlib.use("Agg")
import matplotlib.pyplot as plt

GENUINE, IMPOSTOR, _OTHER = "#2c7fb8", "#d95f0e", "#888888"


def score_histograms(scores: PairScores, threshold: float) -> bytes:
    """Genuine and impostor similarities of single pictures, and the threshold."""
    figure, axes = plt.subplots(figsize=(7, 3.6))
    bins = np.linspace(-1, 1, 81).tolist()
    axes.hist(scores.impostor, bins=bins, density=True, alpha=0.6, color=IMPOSTOR, label="impostor pairs")
    axes.hist(scores.genuine, bins=bins, density=True, alpha=0.6, color=GENUINE, label="genuine pairs")
    axes.axvline(threshold, color="black", linestyle="--", label=f"threshold {threshold:.2f}")
    axes.set(xlabel="cosine similarity", ylabel="density")
    axes.legend(frameon=False)
    return as_png(figure, "Similarities of single pictures, int8")


def error_rates(towers: dict[str, PairScores]) -> bytes:
    """Error rates of one or two towers on single pictures, by name: FNMR over FMR."""
    figure, axes = plt.subplots(figsize=(7, 3.6))
    highest = 0.0
    for (name, scores), colour in zip(towers.items(), (GENUINE, _OTHER), strict=False):
        _, fmr, tar = roc_curve(scores)
        eer = 100 * equal_error_rate(scores)[0]
        # Without a false match there is no place on this axis.
        seen = fmr > 0
        axes.plot(fmr[seen], 100 * (1 - tar[seen]), color=colour, label=f"{name}, EER {eer:.2f} %")
        highest = max(highest, float(100 * (1 - tar[seen].min())))
    axes.set(xscale="log", xlabel="FMR (impostor pairs accepted)", ylabel="FNMR in % (genuine pairs rejected)")
    axes.set(ylim=(0, max(1.0, 1.1 * highest)))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return as_png(figure, "Error rates of single pictures")


def attempts_chart(attempts: list[Attempt]) -> bytes:
    """The similarity of every verification attempt on the video, by who was before the camera."""
    visitors = list(dict.fromkeys(attempt.visitor for attempt in attempts))
    figure, axes = plt.subplots(figsize=(7, 3.6))
    for genuine, colour, name in ((False, IMPOSTOR, "impostor attempts"), (True, GENUINE, "genuine attempts")):
        mine = [a for a in attempts if a.genuine is genuine and a.similarity is not None]
        places = [visitors.index(attempt.visitor) for attempt in mine]
        axes.scatter(places, [attempt.similarity for attempt in mine], color=colour, label=name, s=28, zorder=3)
    thresholds = [attempt.threshold for attempt in attempts if attempt.threshold is not None]
    if thresholds:
        axes.axhline(thresholds[0], color="black", linestyle="--", label=f"threshold {thresholds[0]:.2f}")
    known = {attempt.visitor for attempt in attempts if attempt.genuine}
    names = [f"{visitor}\n{'known' if visitor in known else 'unknown'}" for visitor in visitors]
    axes.set_xticks(range(len(visitors)), names, fontsize=8)
    lowest = min((attempt.similarity for attempt in attempts if attempt.similarity is not None), default=0.0)
    axes.set(xlabel="who was before the camera", ylabel="mean similarity over frames", ylim=(min(0.0, lowest - 0.1), 1))
    axes.grid(axis="y", alpha=0.3)
    figure.legend(frameon=False, fontsize=8, ncols=3, loc="lower center", bbox_to_anchor=(0.5, -0.01))
    return as_png(figure, "Verification on the video: every visitor claims to be each enrolled person")


def as_png(figure: Any, title: str) -> bytes:
    """A figure under a title as PNG; it is closed."""
    figure.axes[0].set_title(title, loc="left", fontsize=11)
    figure.tight_layout(rect=(0, 0.06, 1, 1) if figure.legends else None)
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=120)
    plt.close(figure)
    return data.getvalue()
