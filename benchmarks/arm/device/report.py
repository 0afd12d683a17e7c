"""The result as tables: the commands, and where in the chain the two machines part."""

from __future__ import annotations

from typing import Any

from edge_runtime.commands.console import table

_ANSWERS_HEAD = ["command", "exit here", "there", "similarity here", "there", "differs"]
_STEPS_HEAD = ["step", "processor", "pictures", "values", "largest", "alone: pictures", "values", "largest"]


def print_result(result: dict[str, Any]) -> None:
    """Print machines, tables and verdict on standard output."""
    here = result["here"]
    print(f"\n{result['wheel']}, {result['pictures']} frames of {result['people']} people, tower {result['tower']}")
    print(f"here:  {_versions(here)}")
    for there in result["there"]:
        print(f"there: {_versions(there['about'])}, emulated {there['processor']}, qemu {result['qemu']}")
    for there in result["there"]:
        print(f"\n{there['processor']}\n{table([_ANSWERS_HEAD, *map(answer_text, there['answers'])])}")
    print(f"\n{table([_STEPS_HEAD, *step_rows(result['there'])])}\n")
    for there in result["there"]:
        for row in there["canvas"]:
            differs = (
                f"{row['here']} values of this machine's canvas and {row['there']} of {there['processor']}'s differ"
            )
            print(f"area averages, {row['arithmetic']}: {differs}")
    for row in result["moved"]:
        far = f"{row['median_px']:.3g} px in the median picture, {row['largest_px']:.3g} px at most"
        print(f"landmarks moved by up to {row['shift_px']:g} px, here: the refined points move by {far}")
    print(verdict_text(result))


def answer_text(row: dict[str, Any]) -> list[str]:
    """A command's row."""
    similarities = [_number(row[f"similarity_{side}"]) for side in ("here", "there")]
    differs = ", ".join(row["differing"]) or "nothing"
    return [row["command"], str(row["code_here"]), str(row["code_there"]), *similarities, differs]


def step_rows(machines: list[dict[str, Any]]) -> list[list[str]]:
    """Rows of all steps of all machines: in the chain at the left, from the same input at the right."""
    rows = []
    for there in machines:
        chain = [step for step in there["steps"] if not step["alone"]]
        alone = {step["step"]: step for step in there["steps"] if step["alone"]}
        rows += [[s["step"], there["processor"], *_cells(s), *_cells(alone[s["step"]])] for s in chain]
    return rows


def verdict_text(result: dict[str, Any]) -> str:
    """What the tables say, in three lines."""
    words = {True: "the same", False: "NOT THE SAME"}
    return "\n".join(
        (
            f"decisions: {words[result['same_decisions']]} on every processor",
            f"similarities and everything else that the commands say: {words[result['same_answers']]}",
            f"the tower's output of the same crop: {words[result['same_tower']]} bytes; "
            f"embeddings from picture to the last bit: {words[result['same_embeddings']]}",
        )
    )


def _cells(step: dict[str, Any]) -> list[str]:
    counts = [f"{step['pictures_differing']} of {step['pictures']}", f"{step['differing']} of {step['values']}"]
    return [*counts, f"{step['largest']:.3g}"]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _versions(about: dict[str, Any]) -> str:
    names = {"machine": "", "siamlite": "siamlite", "python": "Python", "interpreter": "", "numpy": "numpy"}
    return ", ".join(f"{shown} {about[key]}".strip() for key, shown in {**names, "opencv": "OpenCV"}.items())
