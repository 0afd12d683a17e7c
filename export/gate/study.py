"""How many representative pictures are enough: the conversion tried with more and more of them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.commands.console import table
from edge_runtime.files import write_bytes, write_json
from edge_runtime.measures.bootstrap import Interval
from export.conversion.convert import SavedTower, convert_saved
from export.conversion.recipes import Recipe
from export.gate.judge import embed_exported, judge
from export.gate.tables import points_text
from export.pictures.crops import CropSet
from export.runtimes.runner import Runner
from export.sources.keras_file import tower_values

COUNTS = (10, 30, 100, 300, 1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRow:
    """A conversion with some number of representative pictures.

    Attributes:
        pictures: How many.
        people: Of how many people.
        eer: EER of the converted tower.
        eer_rise: EER minus that of the float tower.
        eer_rise_low: Lower end of its 95 % interval; None with fewer than 8 people.
        eer_rise_high: Upper end of it.
        cosine_mean: Mean cosine to the float embeddings.
        cosine_p5: Its 5th percentile.
        cosine_min: Its lowest.
    """

    pictures: int
    people: int
    eer: float
    eer_rise: float
    eer_rise_low: float | None
    eer_rise_high: float | None
    cosine_mean: float
    cosine_p5: float
    cosine_min: float

    @property
    def bounds(self) -> Interval | None:
        """The 95 % interval of the rise."""
        if self.eer_rise_low is None or self.eer_rise_high is None:
            return None
        return self.eer_rise_low, self.eer_rise_high


def study_counts(
    saved: SavedTower,
    recipe: Recipe,
    before: npt.NDArray[np.float32],
    *,
    representative: CropSet,
    evaluation: CropSet,
    runner: Runner,
    target_fmr: float,
    counts: Sequence[int] = COUNTS,
) -> Iterator[StudyRow]:
    """Convert with the first 10, 30, 100 … pictures of a set, and measure each.

    Args:
        saved: The tower.
        recipe: How to convert it.
        before: float32 (n, d): the float tower's embeddings of the evaluation.
        representative: The largest set: each of its beginnings is spread evenly. Counts beyond it are left out, but all
            of it is tried last.
        evaluation: What is measured on.
        runner: The interpreter that it is measured in.
        target_fmr: As for the gate.
        counts: How many pictures.

    Yields:
        A row for each number, as soon as it is measured.
    """
    held = len(representative.files)
    for count in sorted({min(count, held) for count in counts}):
        part = representative.take(range(count))
        flatbuffer = convert_saved(saved, recipe, tower_values(part.crops_rgb, saved.spec))
        after = embed_exported(runner, flatbuffer, saved.spec, evaluation.crops_rgb)
        result = judge(before, after, evaluation.labels, recipe, target_fmr=target_fmr)
        change = result.change
        if change is None:
            continue
        low, high = change.bounds.eer if change.bounds else (None, None)
        yield StudyRow(
            pictures=count,
            people=len(part.people),
            eer=result.after.eer,
            eer_rise=change.eer_rise,
            eer_rise_low=low,
            eer_rise_high=high,
            cosine_mean=change.cosine_mean,
            cosine_p5=change.cosine_p5,
            cosine_min=change.cosine_min,
        )


def study_table(rows: Sequence[StudyRow]) -> str:
    """The study as an aligned table."""
    bounded = any(row.bounds for row in rows)
    rise = "rise in points (95 %)" if bounded else "rise in points"
    lines = [["pictures", "people", "EER", rise, "cosine mean", "p5", "lowest"]]
    for row in rows:
        lines.append(
            [
                f"{row.pictures}",
                f"{row.people}",
                f"{100 * row.eer:.2f} %",
                points_text(row.eer_rise, row.bounds),
                *(f"{value:.5f}" for value in (row.cosine_mean, row.cosine_p5, row.cosine_min)),
            ]
        )
    return table(lines)


def write_study(folder: Path, rows: Sequence[StudyRow], *, title: str) -> list[Path]:
    """Write ``study.json``, ``study.csv`` and ``study.png``.

    Raises:
        WriteError: A file cannot be written.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(StudyRow)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    return [
        write_json(folder / "study.json", {"title": title, "rows": [asdict(row) for row in rows]}),
        write_bytes(folder / "study.csv", text.getvalue().encode()),
        write_bytes(folder / "study.png", _plot(rows, title)),
    ]


def _plot(rows: Sequence[StudyRow], title: str) -> bytes:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    counts = [row.pictures for row in rows]
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    figure.suptitle(title)
    _plot_eer(left, rows, counts)
    for name, values in (
        ("mean", [row.cosine_mean for row in rows]),
        ("5th percentile", [row.cosine_p5 for row in rows]),
        ("lowest", [row.cosine_min for row in rows]),
    ):
        right.plot(counts, values, marker="o", label=name)
    right.set_ylabel("cosine to the float embedding")
    right.legend()
    for axes in (left, right):
        axes.set_xscale("log")
        axes.set_xticks(counts, [f"{count:,}" for count in counts])
        axes.minorticks_off()
        axes.set_xlabel("representative pictures")
        axes.grid(alpha=0.3)
    held = io.BytesIO()
    figure.savefig(held, dpi=120, metadata={"Software": None})
    plt.close(figure)
    return held.getvalue()


def _plot_eer(axes: Any, rows: Sequence[StudyRow], counts: Sequence[int]) -> None:
    rises = [100 * row.eer_rise for row in rows]
    axes.axhline(0, color="0.6", linewidth=1, label="float")
    axes.plot(counts, rises, marker="o", label="converted")
    bounded = [row.bounds for row in rows if row.bounds is not None]
    if len(bounded) == len(rows):
        lows, highs = ([100 * pair[k] for pair in bounded] for k in (0, 1))
        axes.fill_between(counts, lows, highs, alpha=0.2, label="95 % interval")
    axes.set_ylabel("EER above the float tower's, points")
    axes.legend()
