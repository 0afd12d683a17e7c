"""The comparison as a page section, and as a picture: accuracy against what a frame costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.peers.protocol import SIAMLITE, STAGES, known_peers
from edge_runtime.errors import DataError

_MEGA = 1e6
_MARKERS = "osD^vP"
_UNFOUND = (
    "A face that a system does not find is counted in two ways. *Of all pairs*: a pair with such a picture is "
    "rejected, so a genuine one is an error of the system and an impostor is none. *Of pairs it found*: such pairs "
    "are left out, which favours a system that finds only easy faces."
)


def section(result: Mapping[str, Any]) -> str:
    """The section on peers, Markdown that begins with its heading of level 2.

    Args:
        result: What ``benchmarks/peers/result.json`` holds.

    Raises:
        DataError: It is no such result.
    """
    try:
        parts = ["## siamlite beside other systems", _intro(result), _main_table(result)]
        for people in result["sets"]:
            parts += [f"### {people['label']}: accuracy", _set_words(people), _accuracy_table(result, people)]
        return "\n\n".join([*parts, "### Stages", _stages_table(result), "### Notes", _notes(result)]) + "\n"
    except (KeyError, IndexError, TypeError) as error:
        raise DataError(f"this is no result of python -m benchmarks.peers: {error!r} is missing or wrong.") from error


def _intro(result: Mapping[str, Any]) -> str:
    frame = result["frame"]
    return (
        f"Whole pipelines, from a {frame['width']}×{frame['height']} frame to a vector: every system in an environment "
        "of its own, all on the same frames, frame by frame in turns, one thread each. Measured on "
        f"{result['device']}; other work ran on the machine at the same time, so times are those of the processor, and "
        "the ratios to siamlite in the same run are the figures to quote."
    )


def _titles(result: Mapping[str, Any]) -> dict[str, str]:
    return {about["name"]: about["title"] for about in result["peers"]}


def _main_table(result: Mapping[str, Any]) -> str:
    first = result["sets"][0]
    abouts = {about["name"]: about for about in result["peers"]}
    head = [
        f"{first['label']}, whole pipeline", "faces not found", "TAR at FAR 0.001", "EER",
        "CPU ms a frame, median (p95)", "× siamlite", "cold start, CPU s",
        "peak memory, MB", "environment, MB", "weights, MB",
    ]  # fmt: skip
    rows = []
    for row in first["peers"]:
        about, times = abouts[row["name"]], row["latency"]["cpu_ms"]["total"]
        cold = result["cold_starts"].get(row["name"])
        rows.append(
            [
                about["title"],
                f"{row['accuracy']['not_found']} of {row['accuracy']['pictures']}",
                _tar(row["accuracy"]["all"], "0.001"),
                _percent(row["accuracy"]["all"]["eer"]),
                f"{times['median']:.1f} ({times['p95']:.1f})",
                f"{row['ratio']['cpu_ms']:.2f}",
                f"{cold['cpu_s']:.2f}" if cold else "not measured",
                _mega(row["peak_bytes"]),
                _mega(about["environment_bytes"]),
                _mega(about["weights_bytes"]),
            ]
        )
    rows += [[absent["title"], *["not measured"] * (len(head) - 1)] for absent in result["absent"]]
    return _markdown([head, *rows])


def _set_words(people: Mapping[str, Any]) -> str:
    rates = people["peers"][0]["accuracy"]["all"]
    each = f", the first {people['most_each']} pictures of each" if people["most_each"] else ""
    return (
        f"{people['people']} people, {people['pictures']:,} pictures{each}: all {rates['genuine_pairs']:,} pairs of "
        f"one person and {rates['impostor_pairs']:,} of two."
    )


def _accuracy_table(result: Mapping[str, Any], people: Mapping[str, Any]) -> str:
    titles = _titles(result)
    head = [
        "", "not found", "TAR at FAR 0.01, of all pairs", "TAR at FAR 0.001, of all pairs", "AUC", "EER",
        "of pairs it found: TAR at 0.01", "TAR at 0.001", "AUC", "EER",
    ]  # fmt: skip
    rows = []
    for row in people["peers"]:
        held = row["accuracy"]
        cells = [titles[row["name"]], f"{held['not_found']} of {held['pictures']}"]
        for rule in ("all", "found"):
            rates = held[rule]
            cells += [_tar(rates, "0.01"), _tar(rates, "0.001"), f"{rates['auc']:.4f}", _percent(rates["eer"])]
        rows.append(cells)
    return _markdown([head, *rows])


def _stages_table(result: Mapping[str, Any]) -> str:
    titles, first = _titles(result), result["sets"][0]
    head = [f"{first['label']}, ms: median (p95)", *(f"{stage}, CPU" for stage in STAGES), "whole, CPU", "whole, wall",
            "× siamlite, CPU", "× siamlite, wall"]  # fmt: skip
    rows = []
    for row in first["peers"]:
        cpu, wall = row["latency"]["cpu_ms"], row["latency"]["wall_ms"]["total"]
        cells = [f"{cpu[name]['median']:.2f} ({cpu[name]['p95']:.2f})" for name in (*STAGES, "total")]
        ratios = [f"{row['ratio'][clock]:.2f}" for clock in ("cpu_ms", "wall_ms")]
        rows.append([titles[row["name"]], *cells, f"{wall['median']:.1f} ({wall['p95']:.1f})", *ratios])
    return _markdown([head, *rows])


def _notes(result: Mapping[str, Any]) -> str:
    notes = [
        *(
            f"{people['label']}: `{people['command']}`, {people['date']}; {_others(people)}."
            for people in result["sets"]
        ),
        "`make peers` measures the AT&T faces. Every file comes out of a package of the package index, pinned by its "
        "content; none is in this repository.",
        f"{_UNFOUND}",
        f"A picture is brought to {result['frame']['picture_px']} pixels of height and put at a random place of a grey "
        "frame. The largest face of a frame counts. siamlite's limits of quality are not applied.",
        "Cold start is from the start of the process, Python's own included, to the first vector (median of several, "
        "in turns); memory is the largest that the process had resident; an environment is all packages that pip "
        "installed, without pip.",
        "siamlite's tower lies in its environment, not among its weights. Environments are not made small: most of "
        "each is OpenCV, numpy and an interpreter.",
        "The stages show what each network costs alone: int8 gains most where the processor has int8 dot products.",
        *(f"{about['title']}: {' '.join(_words(about))}" for about in result["peers"]),
        *(
            f"{absent['title']}: not measured, for its weights are in no package ({absent['licence']}). With the "
            f"files: `{absent['command']}`"
            for absent in result["absent"]
        ),
        f"Versions: {_versions(result)}.",
    ]
    return "\n".join(f"- {note}" for note in notes)


def _words(about: Mapping[str, Any]) -> tuple[str, str]:
    """Parts and licences: as the peer's own file has them now, or as they were recorded for a file of the user's."""
    known = known_peers().get(about["name"])
    parts, licence = (known.parts, known.licence) if known else (about["parts"], about["licence"])
    return f"{parts}.", f"Licences: {licence}."


def _others(people: Mapping[str, Any]) -> str:
    busy = people["busy_cores_of_others"]
    return "what else the machine did is not known" if busy is None else f"other work kept {busy} cores busy"


def _versions(result: Mapping[str, Any]) -> str:
    named = ("ai-edge-litert", "dlib-bin", "numpy", "onnxruntime", "opencv-python-headless")
    held: dict[str, set[str]] = {}
    for versions in result["sets"][0]["versions"].values():
        for name in named:
            if name in versions:
                held.setdefault(name, set()).add(versions[name])
    return ", ".join(f"{name} {' and '.join(sorted(found))}" for name, found in sorted(held.items()))


def _tar(rates: Mapping[str, Any], far: str) -> str:
    point = rates["tar_at_far"][far]
    if point is None:
        return "too few pairs"
    return f"{_percent(point['tar'])} ({point['accepted']:,} of {rates['genuine_pairs']:,})"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _mega(count: float | None) -> str:
    return "not known" if not count else f"{count / _MEGA:.0f}" if count >= 10 * _MEGA else f"{count / _MEGA:.1f}"


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    head, *body = rows
    rule = ["---", *["--:"] * (len(head) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, rule, *body])


def plot(result: Mapping[str, Any], path: Path) -> Path:
    """Draw accuracy against latency: one point a system, its colour the set.

    Args:
        result: What ``benchmarks/peers/result.json`` holds.
        path: A PNG file to write.

    Raises:
        DataError: It is no such result.
        WriteError: The file cannot be written.
    """
    import io

    from matplotlib.figure import Figure
    from matplotlib.ticker import ScalarFormatter

    from edge_runtime.files import write_bytes

    figure = Figure(figsize=(8.2, 0.4 + 3.2 * len(result["sets"])), dpi=110, layout="constrained")
    titles = _titles(result)
    for at, people in enumerate(result["sets"], start=1):
        axes = figure.add_subplot(len(result["sets"]), 1, at)
        for rank, row in enumerate(people["peers"]):
            point = row["accuracy"]["all"]["tar_at_far"]["0.001"]
            if point is None:
                continue
            x, y = row["latency"]["cpu_ms"]["total"]["median"], 100 * point["tar"]
            ours, title = row["name"] == SIAMLITE, titles[row["name"]].replace("`", "")
            marker = "*" if ours else _MARKERS[rank % len(_MARKERS)]
            axes.scatter(x, y, s=150 if ours else 45, marker=marker, color=f"C{rank}", label=title, zorder=3)
        axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(ScalarFormatter())
        axes.xaxis.set_minor_formatter(ScalarFormatter())
        axes.tick_params(axis="x", which="minor", labelsize=7)
        axes.margins(x=0.08, y=0.15)
        axes.grid(alpha=0.3, which="both")
        axes.set(title=people["label"], ylabel="TAR at FAR 0.001, %", xlabel="whole frame, CPU ms (median, one thread)")
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return write_bytes(path, stream.getvalue())
