"""The result of a comparison, as a table."""

from __future__ import annotations

from typing import Any

from edge_runtime.commands.console import say, table

_HEAD = [
    "tower",
    "in and out",
    "interpreter there",
    "processor",
    "same bytes",
    "values that differ",
    "largest",
    "mean cosine",
    "lowest",
]


def print_result(result: dict[str, Any]) -> None:
    """Print both machines, the table and the verdict on standard output; refusals on standard error."""
    here = result["here"]
    print(f"\n{result['pictures']} faces of {result['people']} people")
    print(f"here:  {here['machine']}, {here['processor']}, {_versions(here)}")
    for there in result["there"]:
        print(f"there: {there['machine']}, emulated by qemu {result['qemu']}, {_versions(there)}")
    print(f"\n{table([_HEAD, *(row_text(row) for row in result['rows'])])}\n")
    for row in result["rows"]:
        if row["refused"] is not None:
            say(f"{row['tower']} on {row['processor']} with {row['interpreter']} was refused {row['refused']}")
    print(verdict_text(result))


def row_text(row: dict[str, Any]) -> list[str]:
    """A row of the table."""
    head = [row["tower"], row["kind"], row["interpreter"], row["processor"]]
    found = row["difference"]
    if found is None:
        return [*head, "refused", "", "", "", ""]
    unit = " steps" if row["kind"] == "int8" else ""
    same = "yes" if row["identical"] else "embeddings differ" if found["same_raw"] else "no"
    return [
        *head,
        same,
        f"{found['differing']} of {found['values']}",
        f"{found['largest']:.3g}{unit}",
        f"{found['cosine_mean']:.7f}",
        f"{found['cosine_min']:.7f}",
    ]


def verdict_text(result: dict[str, Any]) -> str:
    """What the table says of int8, in one line."""
    judged = [row for row in result["rows"] if row["kind"] == "int8"]
    if result["identical"] is None:
        return "int8: no int8 tower was compared, so nothing is proved of them"
    towers = len({row["tower"] for row in judged})
    counts = ((towers, "tower"), (len(judged), "comparison"), (result["pictures"], "face"))
    scope = ", ".join(f"{count} {word}{'s' * (count != 1)}" for count, word in counts)
    if result["identical"]:
        return f"int8: the same bytes everywhere ({scope})"
    failed = sum(not row["identical"] for row in judged)
    return f"int8: not the same bytes in {failed} of {len(judged)} ({scope})"


def _versions(about: dict[str, Any]) -> str:
    names = (("Python", "python"), ("", "interpreter"), ("numpy", "numpy"), ("OpenCV", "opencv"))
    return ", ".join(f"{shown} {about[key]}".strip() for shown, key in names)
