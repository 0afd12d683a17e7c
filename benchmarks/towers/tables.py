"""The tables of docs/shipped-towers.md, out of the results: the same JSON gives the same text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.seeds.tables import markdown
from benchmarks.towers.figures import FARS

Result = dict[str, Any]


def tower_table(results: Sequence[Result]) -> str:
    """What the towers are."""
    rows = [["tower", "file, kB", "recipe", "input", "alignment", "measured with", "licence of the weights"]]
    for one in results:
        size = f"{one['input']['size_px']} px {one['input']['colour']}"
        kilobytes = f"{one['bytes'] / 1000:,.0f}"
        rows.append(
            [f"`{one['name']}`", kilobytes, one["recipe"], size, one["template"], one["interpreter"], one["licence"]]
        )
    return markdown(rows)


def figure_table(results: Sequence[Result], kind: str) -> str:
    """ROC AUC, EER and TAR on one set, towers and what stands beside them."""
    rows = [["", "pictures", "genuine pairs", "impostor pairs", "ROC AUC", "EER", *(f"TAR at FAR {f:g}" for f in FARS)]]
    for one in results:
        if held := one["sets"].get(kind):
            rows.append([f"**`{one['name']}`, int8**", *_figure_cells(held["int8"])])
            if held["int8_found"]:
                rows.append([f"`{one['name']}`, int8, every face found", *_figure_cells(held["int8_found"])])
            if held["float"]:
                rows.append([f"`{one['name']}`, float", *_figure_cells(held["float"])])
            for how, figures in (held["beside"] or {}).get("same", {}).items():
                rows.append([f"other descriptors, {how}, pictures of `{one['name']}`", *_figure_cells(figures)])
    beside = next((one["sets"][kind]["beside"] for one in results if one["sets"].get(kind, {}).get("beside")), None)
    for how, figures in (beside or {}).get("all", {}).items():
        rows.append([f"other descriptors, {how}, all pictures", *_figure_cells(figures)])
    return markdown(rows)


def _figure_cells(figures: Result) -> list[str]:
    pairs = [f"{figures[name]:,}" for name in ("pictures", "genuine_pairs", "impostor_pairs")]
    tars = [_estimate(figures["tar_at_far"][f"{far:g}"], percent=True) for far in FARS]
    return [*pairs, _estimate(figures["auc"]), _estimate(figures["eer"], percent=True), *tars]


def _estimate(held: Result, *, percent: bool = False) -> str:
    if held["value"] is None:
        return "too few pairs"
    show = _percent if percent else "{:.4f}".format
    ends = "" if held["interval"] is None else f" ({show(held['interval'][0])} to {show(held['interval'][1])})"
    return show(held["value"]) + ends


def difference_table(results: Sequence[Result], kind: str) -> str:
    """Intervals of what a tower has more than its float original and than the other descriptors; "" without any."""
    rows = [["int8 less …, same pictures and people", "ROC AUC", "EER", *(f"TAR at FAR {far:g}" for far in FARS)]]
    for one in results:
        held = one["sets"].get(kind) or {}
        others = {"its float original": held.get("float_difference")}
        if beside := held.get("beside"):
            others |= {f"other descriptors, {how}": ends for how, ends in beside["int8_difference"].items()}
        for name, ends in others.items():
            if ends:
                tars = [_points(ends["tar_at_far"][f"{far:g}"]) for far in FARS]
                auc = " to ".join(f"{end:+.4f}" for end in ends["auc"])
                rows.append([f"`{one['name']}` less {name}", auc, _points(ends["eer"]), *tars])
    return markdown(rows) if len(rows) > 1 else ""


def _points(ends: Sequence[float]) -> str:
    return " to ".join(f"{100 * end:+.2f}" for end in ends)


def acquisition_table(results: Sequence[Result], kind: str) -> str:
    """Which pictures the device would not compare, by source set and reason."""
    held = [(one["name"], one["sets"][kind]["acquisition"]) for one in results if kind in one["sets"]]
    reasons = sorted({reason for _, counts in held for reason in counts["reasons"]})
    rows = [["tower", "source set", "pictures", "not acquired", *reasons]]
    for name, counts in held:
        for source, row in [("**all**", counts), *counts["by_source"].items()]:
            rows.append(
                [
                    f"`{name}`",
                    source,
                    f"{row['pictures']:,}",
                    _percent(1 - row["acquired"] / row["pictures"]),
                    *(f"{row['reasons'].get(reason, 0):,}" for reason in reasons),
                ]
            )
    return markdown(rows)


def threshold_table(results: Sequence[Result], kind: str) -> str:
    """What the cards' thresholds give on the set."""
    rows = [["tower", "threshold of the card", "made for FMR", "FMR here", "FNMR here", "false matches"]]
    for one in results:
        for point in (one["sets"].get(kind) or {}).get("thresholds", []):
            numbers = [f"{point['threshold']:.4f}", f"{point['target_fmr']:g}", f"{point['fmr']:.2g}"]
            rows.append([f"`{one['name']}`", *numbers, _percent(point["fnmr"]), f"{point['false_matches']:,}"])
    return markdown(rows) if len(rows) > 1 else ""


def error_table(one: Result, kind: str) -> str:
    """Where a tower errs, all measures below each other."""
    rows = [["by", "", "pictures", "genuine pairs", "FNMR", "95 %", "impostor pairs", "FMR", "95 %"]]
    for part in one["sets"][kind]["errors"]["tables"]:
        title = part["by"] + (f" ({part['unit']})" if part["unit"] else "")
        for row in part["rows"]:
            cells = [title, row["bin"], "–" if row["pictures"] is None else f"{row['pictures']:,}"]
            for rate, pairs, show in (("fnmr", "genuine_pairs", _percent), ("fmr", "impostor_pairs", "{:.2g}".format)):
                ends = row[f"{rate}_interval"]
                cells += [f"{row[pairs]:,}", "–" if row[rate] is None else show(row[rate])]
                cells.append("–" if ends is None else f"{show(ends[0])} to {show(ends[1])}")
            rows.append(cells)
            title = ""
    return markdown(rows) if len(rows) > 1 else ""


def photo_table(results: Sequence[Result]) -> str:
    """Faces found in uncropped photographs; "" if there were none."""
    rows = [
        ["tower", "photographs", "with a face", "with a usable face", "failure to acquire", "faces", "usable faces"]
    ]
    for one in results:
        if held := one["photos"]:
            numbers = [held[name] for name in ("photographs", "with_a_face", "with_a_usable_face")]
            failed = _percent(1 - held["with_a_usable_face"] / held["photographs"])
            rows.append(
                [
                    f"`{one['name']}`",
                    *(f"{n:,}" for n in numbers),
                    failed,
                    str(held["faces"]),
                    str(held["usable_faces"]),
                ]
            )
    return markdown(rows) if len(rows) > 1 else ""


def frame_table(results: Sequence[Result]) -> str:
    """AT&T faces of several sizes in camera frames; "" if there were none."""
    rows = [["tower", "height of the picture, px", "between the eyes, px", "frames", "found", "acquired"]]
    for one in results:
        for row in one["frames"] or []:
            eyes = "–" if row["interocular_px"] is None else f"{row['interocular_px']:.0f}"
            shares = [_percent(row[name] / row["frames"]) for name in ("found", "acquired")]
            rows.append([f"`{one['name']}`", str(row["height_px"]), eyes, str(row["frames"]), *shares])
    return markdown(rows) if len(rows) > 1 else ""


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"
