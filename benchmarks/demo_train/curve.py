"""The training curve of the report."""

from __future__ import annotations

import csv
from pathlib import Path

import matplotlib.pyplot as plt

from benchmarks.demo.plots import GENUINE, IMPOSTOR, as_png


def training_curve(log: Path) -> bytes:
    """Loss and validation EER over the epochs, from the run's ``log.csv``, as PNG."""
    with log.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    epochs = [int(row["epoch"]) + 1 for row in rows]
    figure, left = plt.subplots(figsize=(7, 3.6))
    left.plot(epochs, [float(row["loss"]) for row in rows], color=IMPOSTOR, label="training loss")
    left.set(xlabel="epoch", ylabel="training loss")
    right = left.twinx()
    eer = [100 * float(row[key]) for row in rows for key in row if key.endswith("eer")]
    right.plot(epochs, eer, color=GENUINE, label="EER on validation people")
    right.set(ylabel="EER in %", ylim=(0, None))
    figure.legend(loc="lower center", ncols=2, bbox_to_anchor=(0.5, -0.01), frameon=False)
    return as_png(figure, "Training")
