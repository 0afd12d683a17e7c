"""Pictures of a training and of an evaluation, drawn without a screen."""

from __future__ import annotations

import io
import os
import tempfile
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np

from edge_runtime.files import write_bytes
from edge_runtime.measures.metrics import Pairs
from train.measure.curves import det_points, histogram, roc_points
from train.measure.verify import Verification

# Matplotlib wants a folder of its own for its font list; where home is read-only a temporary one does.
if not os.access(os.path.expanduser("~"), os.W_OK):
    os.environ.setdefault("MPLCONFIGDIR", tempfile.gettempdir())

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

_GENUINE, _IMPOSTOR, _LINE = "#1b7837", "#b2182b", "#2166ac"
_DET_TICKS = (0.001, 0.01, 0.05, 0.1, 0.2, 0.4, 0.6)


def plot_scores(path: Path, scores: Pairs, result: Verification, title: str) -> Path:
    """Write a histogram of genuine and impostor similarities with the threshold of the EER."""
    figure, axes = _new(f"{title}: similarities of all pairs")
    edges, genuine, impostor = histogram(scores)
    for counts, colour, name in ((impostor, _IMPOSTOR, "impostor"), (genuine, _GENUINE, "genuine")):
        shares, label = counts * 100 / counts.sum(), f"{name} ({counts.sum()} pairs)"
        axes.hist(edges[:-1], edges, weights=shares, color=colour, alpha=0.55, label=label)
    axes.axvline(
        result.eer_threshold,
        color="black",
        linestyle="--",
        linewidth=1.2,
        label=f"EER threshold {result.eer_threshold:.3f}",
    )
    axes.set_xlabel("cosine similarity")
    axes.set_ylabel("share of the pairs of the kind (%)")
    axes.legend(frameon=False)
    return _write(path, figure)


def plot_roc(path: Path, scores: Pairs, result: Verification, title: str) -> Path:
    """Write the ROC curve: TAR over FMR on a logarithmic axis, as far as the pairs resolve it."""
    figure, axes = _new(f"{title}: ROC")
    _, fmr, tar = roc_points(scores)
    floor = 1 / scores.impostor_pairs
    axes.step(np.maximum(fmr, floor), tar * 100, where="post", color=_LINE, linewidth=2, label=f"AUC {result.auc:.4f}")
    axes.plot([result.eer], [(1 - result.eer) * 100], "o", color="black", label=f"EER {result.eer:.2%}")
    axes.set_xscale("log")
    axes.set_xlim(floor, 1)
    axes.set_ylim(0, 101)
    axes.set_xlabel(f"FMR (false match rate); {scores.impostor_pairs} impostor pairs resolve {floor:.2g}")
    axes.set_ylabel("TAR = 1 − FNMR (%)")
    axes.legend(frameon=False, loc="lower right")
    return _write(path, figure)


def plot_det(path: Path, scores: Pairs, result: Verification, title: str) -> Path:
    """Write the DET curve: FNMR over FMR on normal-deviate axes (Martin et al. 1997, Eurospeech)."""
    figure, axes = _new(f"{title}: DET")
    _, fmr, fnmr = det_points(scores)
    axes.plot(_deviate(fmr), _deviate(fnmr), color=_LINE, linewidth=2, label="tower")
    ends = _deviate(np.array([_DET_TICKS[0] / 2, _DET_TICKS[-1]]))
    axes.plot(ends, ends, color="grey", linestyle=":", linewidth=1, label="FMR = FNMR")
    if 0 < result.eer < 1:
        at = _deviate(np.array([result.eer]))
        axes.plot(at, at, "o", color="black", label=f"EER {result.eer:.2%}")
    ticks = _deviate(np.array(_DET_TICKS))
    names = [f"{share * 100:g}" for share in _DET_TICKS]
    axes.set_xticks(ticks, names)
    axes.set_yticks(ticks, names)
    axes.set_xlim(*ends)
    axes.set_ylim(*ends)
    axes.set_aspect("equal")
    axes.set_xlabel("FMR (%)")
    axes.set_ylabel("FNMR (%)")
    axes.legend(frameon=False)
    return _write(path, figure)


def plot_training(path: Path, log: dict[str, list[float]], best_epoch: int, title: str) -> Path:
    """Write loss and validation metrics over the epochs, the best epoch marked."""
    figure = Figure(figsize=(7.5, 6.5), layout="constrained")
    validated = "val_eer" in log
    panels = figure.subplots(1 + validated, 1, sharex=True, squeeze=False)[:, 0]
    upper, lower = panels[0], panels[-1]
    figure.suptitle(f"{title}: training", fontsize=13)
    epochs = np.asarray(log["epoch"]) + 1
    marker = "o" if len(epochs) < 15 else None
    upper.plot(epochs, log["loss"], color=_LINE, marker=marker, label="training loss")
    upper.set_ylabel("training loss")
    if validated:
        lower.plot(epochs, np.asarray(log["val_eer"]) * 100, color=_IMPOSTOR, marker=marker, label="EER")
        lower.plot(epochs, (1 - np.asarray(log["val_auc"])) * 100, color=_GENUINE, marker=marker, label="1 − AUC")
        lower.set_ylabel("validation people (%)")
        lower.set_ylim(bottom=0)
    lower.set_xlabel("epoch")
    lower.xaxis.set_major_locator(MaxNLocator(integer=True))
    for axes in panels:
        axes.axvline(best_epoch, color="black", linestyle="--", linewidth=1.2, label=f"best epoch {best_epoch}")
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
    return _write(path, figure)


def _new(title: str) -> tuple[Any, Any]:
    figure = Figure(figsize=(7, 5), layout="constrained")
    axes = figure.subplots()
    axes.set_title(title, fontsize=13)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _deviate(shares: Any) -> Any:
    """The standard normal quantile of shares between 0 and 1."""
    inverse = NormalDist().inv_cdf
    return np.array([inverse(float(np.clip(share, 1e-6, 1 - 1e-6))) for share in shares])


def _write(path: Path, figure: Any) -> Path:
    buffer = io.BytesIO()
    FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None})
    return write_bytes(path, buffer.getvalue())
