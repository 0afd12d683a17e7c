"""A comparison as tables for a person and as CSV: towers as rows."""

from __future__ import annotations

import csv
import io
from typing import Any

from edge_runtime.commands.console import table
from export.comparison.accuracy import FARS, Accuracy, Estimate
from export.comparison.result import Comparison

_SHARED_CORES = 0.1


def as_text(found: Comparison) -> str:
    """The whole comparison."""
    parts = [_head(found), _costs(found), _error_rates(found), _differences(found), _at_thresholds(found)]
    return "\n\n".join([*parts, _verdict(found)])


def _head(found: Comparison) -> str:
    held, busy = found.pictures, found.busy_cores
    shared = "" if busy is None or busy < _SHARED_CORES else f"; shared: other work kept {busy} cores busy"
    threads = f"{found.threads} thread" + ("s" if found.threads > 1 else "")
    left_out = f", {held.left_out} left out because a run was trained on them" if held.left_out else ""
    skipped = f", {held.skipped} skipped" if held.skipped else ""
    runs = found.entries[0].latency.runs
    return (
        f"device: {found.device}{shared}\n"
        f"interpreter: {found.interpreter}, {threads}\n"
        f"data: {held.folder}: {held.pictures} pictures of {held.people} people ({held.kind}{skipped}{left_out}); "
        f"{held.genuine_pairs} genuine and {held.impostor_pairs} impostor pairs\n"
        f"{runs} timed runs of each tower, in turns; the embeddings that are scored are those of the first "
        f"{held.pictures}"
    )


def _costs(found: Comparison) -> str:
    first = found.entries[0].contender.name
    rows = [["cost", "recipe", "input", "file KB", "model KB", "memory MB", "median ms", "p95 ms", f"times {first}"]]
    for entry in found.entries:
        one, spec, time = entry.contender, entry.contender.tower.spec, entry.latency
        low, high = time.ratio_interval
        memory = "not measured" if entry.memory is None else f"{entry.memory.tower_bytes / 1e6:.1f}"
        rows.append(
            [
                one.name,
                one.tower.card.recipe,
                f"{spec.size_px} {spec.colour}",
                f"{one.file_bytes / 1000:.0f}",
                f"{one.model_bytes / 1000:.0f}",
                memory,
                f"{time.median_ms:.3f}",
                f"{time.p95_ms:.3f}",
                "1" if entry.difference is None else f"{time.ratio:.2f} ({low:.2f} to {high:.2f})",
            ]
        )
    return table(rows)


def _error_rates(found: Comparison) -> str:
    rows = [["error rates in %", "EER", "AUC", *(f"TAR at FAR {100 * far:g}" for far in FARS)]]
    for entry in found.entries:
        rows.append([entry.contender.name, *_cells(entry.accuracy)])
    return table(rows)


def _differences(found: Comparison) -> str:
    first = found.entries[0].contender.name
    heading = [f"minus {first}, in points", "EER", "AUC", *(f"TAR at FAR {100 * far:g}" for far in FARS)]
    rows = [heading]
    for entry in found.entries:
        if entry.difference is not None:
            rows.append([entry.contender.name, *_cells(entry.difference, signed=True)])
    return table(rows)


def _cells(accuracy: Accuracy, *, signed: bool = False) -> list[str]:
    return [_cell(estimate, signed) for estimate in (accuracy.eer, accuracy.auc, *accuracy.tar_at_far)]


def _cell(estimate: Estimate | None, signed: bool) -> str:
    if estimate is None:
        return "too few pairs"
    sign = "+" if signed else ""
    value = f"{100 * estimate.value + 0.0:{sign}.2f}"
    if estimate.interval is None:
        return value
    low, high = (100 * end + 0.0 for end in estimate.interval)
    return f"{value} ({low:{sign}.2f} to {high:{sign}.2f})"


def _at_thresholds(found: Comparison) -> str:
    rows = [["at its own threshold", "target FMR %", "threshold", "FMR %", "FMR at most %", "FNMR %"]]
    for entry in found.entries:
        point = entry.own
        if point is None:
            rows.append([entry.contender.name, *["none that holds here"] * 5])
            continue
        rows.append(
            [
                entry.contender.name,
                f"{100 * point.target_fmr:g}",
                f"{point.threshold:.4f}",
                f"{100 * point.fmr:.2f} ({point.false_matches} of {point.impostor_pairs})",
                f"{100 * point.fmr_upper:.2f}",
                f"{100 * point.fnmr:.2f}",
            ]
        )
    return table(rows)


def _verdict(found: Comparison) -> str:
    where = "In brackets: 95 % intervals, of times over runs, of error rates over people."
    if not found.beaten:
        return f"{where}\nslower and worse than another: none"
    pairs = ", ".join(f"{one} (than {other})" for one, other in found.beaten)
    return f"{where}\nslower and worse than another: {pairs}"


def as_csv(found: Comparison) -> bytes:
    """One line for each tower, its figures as plain columns; empty where something is not known."""
    lines = [_flat(values) for values in found.as_mapping()["towers"]]
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(lines[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue().encode()


def _flat(values: dict[str, Any]) -> dict[str, Any]:
    memory, own = values["memory"] or {}, values["at_own_threshold"] or {}
    line: dict[str, Any] = {name: values[name] for name in ("name", "path", "recipe", "file_bytes", "model_bytes")}
    line |= {"size_px": values["input"]["size_px"], "colour": values["input"]["colour"]}
    line |= {"memory_tower_bytes": memory.get("tower_bytes"), "memory_peak_bytes": memory.get("peak_bytes")}
    line |= {name: values["latency"][name] for name in ("median_ms", "p95_ms", "ratio_to_first", "runs")}
    line |= _ends("ratio_to_first", values["latency"]["ratio_interval"])
    for prefix, rates in (("", values["accuracy"]), ("difference_", values["difference_to_first"] or {})):
        tars = rates.get("tar_at_far", {})
        named = {"eer": rates.get("eer"), "auc": rates.get("auc")}
        named |= {f"tar_at_far_{far:g}": tars.get(f"{far:g}") for far in FARS}
        for name, estimate in named.items():
            line[f"{prefix}{name}"] = estimate["value"] if estimate else None
            line |= _ends(f"{prefix}{name}", estimate["interval"] if estimate else None)
    return line | {f"own_{name}": own.get(name) for name in ("target_fmr", "threshold", "fmr", "fmr_upper", "fnmr")}


def _ends(name: str, interval: list[float] | None) -> dict[str, Any]:
    low, high = interval or (None, None)
    return {f"{name}_low": low, f"{name}_high": high}
