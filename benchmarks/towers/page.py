"""The figures in docs/shipped-towers.md: between two marks they are made from the results, the rest is written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.towers import tables
from edge_runtime.errors import DataError
from edge_runtime.files import read_json, write_bytes

BEGIN = "<!-- figures: written by `python -m benchmarks.towers`, do not edit -->"
END = "<!-- end of figures -->"
_TITLES = {
    "people": "Photographs, found and aligned by the device's own code",
    "crops": "Prepared faces, without detection",
    "att": "The AT&T faces, from the picture, detection included",
}


def read_results(folder: Path) -> list[dict[str, Any]]:
    """What was measured, by the towers' names.

    Raises:
        DataError: A file is damaged.
    """
    return [read_json(path, what="the result of a tower") for path in sorted(folder.glob("*.json"))]


def write_page(page: Path, results: Path) -> Path:
    """Write the figures into the page.

    Raises:
        DataError: The page is missing or lacks its marks, or a result is damaged.
        WriteError: It cannot be written.
    """
    try:
        text = page.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read the page {page} ({error}). Give --page a page with the marks.") from error
    return write_bytes(page, with_figures(text, results).encode())


def with_figures(text: str, results: Path) -> str:
    """The text of the page with the figures in it.

    Raises:
        DataError: The page lacks its marks, or a result is damaged.
    """
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise DataError(f"the page has no place for figures: it needs the lines {BEGIN} and {END}.")
    return f"{head}{begin}\n{make_figures(read_results(results), str(results))}\n{end}{tail}"


def make_figures(results: list[dict[str, Any]], where: str) -> str:
    """All tables as Markdown.

    Raises:
        DataError: A result is damaged.
    """
    if not results:
        return '\nNot measured yet: `make towers TOWERS="…"`, see below.\n'
    try:
        return "\n" + "\n\n".join(part for part in _parts(results) if part) + "\n"
    except (KeyError, TypeError, AttributeError, ZeroDivisionError) as error:
        raise DataError(
            f"a result in {where} is damaged ({error!r}). Measure again: python -m benchmarks.towers"
        ) from error


def _parts(results: list[dict[str, Any]]) -> Iterator[str]:
    yield tables.tower_table(results)
    for kind, title in _TITLES.items():
        yield f"### {title}"
        held = [one["sets"][kind] for one in results if kind in one["sets"]]
        if not held:
            yield "Not measured yet."
            continue
        yield f"{held[0]['people']:,} people, {held[0]['pictures']:,} pictures. Values with their 95 % intervals."
        yield tables.figure_table(results, kind)
        if differences := tables.difference_table(results, kind):
            yield "95 % intervals of differences, TAR and EER in percentage points:"
            yield differences
        if kind != "crops":
            yield tables.acquisition_table(results, kind)
        yield tables.threshold_table(results, kind)
        if kind == "people":
            yield from _errors(results)
    yield "### Faces found in photographs and in frames"
    yield tables.photo_table(results) or "Photographs: not measured yet."
    yield tables.frame_table(results) or "Frames: not measured yet."
    yield "### How these were made"
    yield "\n".join(f"- {_made(one)}" for one in results)


def _errors(results: list[dict[str, Any]]) -> Iterator[str]:
    for one in results:
        if "people" in one["sets"]:
            held = one["sets"]["people"]["errors"]
            yield f"#### Where `{one['name']}` errs"
            yield f"Everything judged at one threshold, {held['threshold']:.4f}: {held['origin']}."
            yield tables.error_table(one, "people")


def _made(one: dict[str, Any]) -> str:
    """With what a tower's figures were made, in a line."""
    machine = one["machine"]
    took = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in one["seconds"].items())
    device = f"{machine['processor']}, {machine['cores']} cores"
    return f"`{one['command']}`, {device}; `{one['name']}` took {took}, without what was kept from before"
