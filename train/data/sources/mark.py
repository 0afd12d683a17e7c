"""The mark ``faces.json`` of prepared faces: how they are aligned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edge_runtime.errors import DataError, UsageError
from edge_runtime.faces.align import DEFAULT_TEMPLATE, AlignmentTemplate, template_from_values
from edge_runtime.people import read_faces_mark


def folder_template(folder: Path) -> AlignmentTemplate:
    """How the faces of a folder are aligned (see :func:`marked_template`)."""
    return marked_template(read_faces_mark(folder), str(folder))


def marked_template(mark: dict[str, Any] | None, where: str) -> AlignmentTemplate:
    """How faces are aligned: what their mark says, or the default where they have none.

    Args:
        mark: What ``faces.json`` holds; None if there is no such file.
        where: What an error message calls the place of the faces.

    Raises:
        DataError: The mark is damaged.
    """
    if mark is None:
        return DEFAULT_TEMPLATE
    try:
        return template_from_values(mark["template"])
    except (KeyError, TypeError, ValueError, UsageError) as error:
        raise DataError(
            f"the mark of {where} has no usable alignment template ({error}). "
            "Prepare the folder again: python -m train prepare RAW --out FACES"
        ) from error
