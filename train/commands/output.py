"""How the commands of training give their results."""

from __future__ import annotations

from typing import Any

from edge_runtime.console import emit


def report_result(report: dict[str, Any], text: str, *, as_json: bool) -> None:
    """Print a result on stdout: one line of JSON, or a text for a person.

    Args:
        report: What JSON shows; keys come out sorted.
        text: What a person reads.
        as_json: Which of the two.
    """
    if as_json:
        emit(dict(sorted(report.items())))
    else:
        print(text)
