"""The tables of docs/seeds.md, out of the results: the same JSON gives the same text."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import Any

_LOSS_NAMES = {"none": "the teacher alone"}


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Rows of texts as a Markdown table; the first row is its head, all columns but the first stand to the right."""
    head, *body = rows
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def fashion_table(result: dict[str, Any]) -> str:
    """The set-ups on Fashion-MNIST beside one another, the published one first."""
    rows = sorted(result["rows"], key=lambda row: (row["recipe"] == "fashion", row["epochs"]))
    table = [["", "tutorial, as published", *(_fashion_head(row) for row in rows)]]
    for words, published, cell in _FASHION:
        table.append([words, published, *(cell(row) for row in rows)])
    return markdown(table)


def _fashion_head(row: dict[str, Any]) -> str:
    whose = "`fashion`" if row["recipe"] == "fashion" else "`fashion-tutorial`"
    return f"{whose}, {row['epochs']} epochs"


_FASHION: tuple[tuple[str, str, Callable[[dict[str, Any]], str]], ...] = (
    ("epochs", "70", lambda row: str(row["epochs"])),
    ("pictures an epoch", "240,000", lambda row: _count(row["steps_per_epoch"] * row["batch_pictures"])),
    ("pictures in all", "16,800,000", lambda row: _count(row["pictures"])),
    ("**validation contrastive loss**", "**0.1446**", lambda row: f"**{row['validation_loss']:.4f}**"),
    ("the same loss on training pairs", "", lambda row: f"{row['training_loss']:.4f}"),
    ("pair accuracy", "", lambda row: _percent(row["judged"]["accuracy"])),
    ("precision", "", lambda row: _percent(row["judged"]["precision"])),
    ("recall", "", lambda row: _percent(row["judged"]["recall"])),
    ("10-way 1-shot, test pictures", "", lambda row: _percent(row["one_shot"])),
    (
        "test set by one example a class",
        "",
        lambda row: f"{_percent(row['one_example'])} ± {100 * row['one_example_deviation']:.1f}",
    ),
    ("test set by the class means", "", lambda row: _percent(row["class_mean"])),
    ("seconds", "14 to 24 an epoch", lambda row: _count(row["seconds"])),
    ("CPU seconds", "", lambda row: _count(row["cpu_seconds"])),
    ("parameters", "", lambda row: _count(row["parameters"])),
    ("million multiply-accumulates a picture", "", lambda row: f"{row['macs'] / 1e6:.1f}"),
)


def losses_table(result: dict[str, Any]) -> str:
    """Losses and samplers, the best mean EER first; the teacher that some learned from at the end."""
    first, *others = result["rows"]
    ordered = sorted(others, key=lambda row: (_mean(row["runs"], "eer"), row["name"]))
    seeds = [f"EER, seed {seed}" for seed in result["seeds"]]
    table = [["loss", "sampler", "EER, mean", *seeds, "AUC", "seconds", "CPU seconds"]]
    table += [[_loss_words(row), f"`{row['sampler']}`", *_loss_cells(row["runs"])] for row in ordered]
    table.append(["*the teacher: a larger tower*", f"`{first['sampler']}`", *_loss_cells(first["runs"])])
    return markdown(table)


def _loss_words(row: dict[str, Any]) -> str:
    name = _LOSS_NAMES.get(row["loss"], f"`{row['loss']}`")
    settings = ", ".join(f"{key} {value}" for key, value in row["settings"].items() if value != 0)
    taught = " and the teacher" if row["teacher"] and row["loss"] != "none" else ""
    return f"{name}{taught}" + (f" ({settings})" if settings else "")


def _loss_cells(runs: list[dict[str, Any]]) -> list[str]:
    shown = [_percent(run["eer"]) for run in runs]
    return [_percent(_mean(runs, "eer")), *shown, f"{_mean(runs, 'auc'):.3f}", *_times(runs)]


def att_table(result: dict[str, Any]) -> str:
    """Float and int8 of each recipe and seed, and their means."""
    table = [["recipe", "seed", "EER, float", "EER, int8", "seconds", "CPU seconds"]]
    for row in result["rows"]:
        for run in row["runs"]:
            eers = [_percent(run[kind]["eer"]) if run[kind] else "refused" for kind in ("float", "int8")]
            table.append([f"`{row['recipe']}`", str(run["seed"]), *eers, *_times([run])])
        table.append([f"**`{row['recipe']}`**", "mean", *_mean_errors(row["runs"]), *_times(row["runs"])])
    return markdown(table)


def _mean_errors(runs: list[dict[str, Any]]) -> list[str]:
    """Mean EER, float and int8, over the seeds that have one."""
    kinds = [[run[kind]["eer"] for run in runs if run[kind]] for kind in ("float", "int8")]
    return [_percent(statistics.fmean(values)) if values else "" for values in kinds]


def _times(runs: list[dict[str, Any]]) -> list[str]:
    return [_count(_mean(runs, key)) for key in ("seconds", "cpu_seconds")]


def _mean(runs: list[dict[str, Any]], key: str) -> float:
    return statistics.fmean(run[key] for run in runs)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _count(value: float) -> str:
    return f"{round(value):,}"
