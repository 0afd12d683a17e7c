"""What stands beside a ``.keras`` file that no run made: what it takes in, how its faces are cut, its origin."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_runtime.errors import DataError, TowerError, UsageError, WriteError
from edge_runtime.faces.align import AlignmentTemplate, template_from_values
from edge_runtime.files import read_json, sha256_file
from edge_runtime.towers.preprocess import InputSpec
from train.keras_quietly import known_warnings

ALIGNMENT, ORIGIN, LICENCE = "alignment.json", "origin.json", "LICENSE.txt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What is known of such a tower.

    Attributes:
        spec: What it takes in.
        template: How its faces are cut.
        origin: The whole of ``origin.json``.
    """

    spec: InputSpec
    template: AlignmentTemplate
    origin: dict[str, Any]


def read_beside(tower: Path) -> Beside | None:
    """Read ``origin.json`` and ``alignment.json`` beside a tower; None where there is no origin.

    Raises:
        DataError: They are damaged, or one is missing.
        TowerError: They speak of another file.
    """
    path = tower.parent / ORIGIN
    if not path.exists():
        return None
    origin = read_json(path, what="the origin of this tower")
    alignment = read_json(tower.parent / ALIGNMENT, what="the alignment of this tower")
    try:
        made = origin["tower"]
        named, digest = str(made["file"]), str(made["sha256"])
        spec, template = InputSpec(**made["input"]), template_from_values(alignment)
    except (KeyError, TypeError, ValueError, UsageError) as error:
        raise DataError(f"{path} or {ALIGNMENT} beside it is damaged ({error}). Make the tower again.") from error
    if named != tower.name or sha256_file(tower) != digest:
        raise TowerError(f"{path} speaks of another tower than {tower}. Make the tower again, in a folder of its own.")
    return Beside(spec=spec, template=template, origin=origin)


def origin_of_tower(
    name: str, sha256: str, spec: InputSpec, *, length: int, template: AlignmentTemplate
) -> dict[str, Any]:
    """The section ``tower`` of ``origin.json``."""
    return {
        "file": name,
        "sha256": sha256,
        "input": {"size_px": spec.size_px, "colour": spec.colour, "scale": spec.scale, "offset": spec.offset},
        "embedding_length": length,
        "alignment": template.name,
    }


def saved_bytes(tower: Any) -> bytes:
    """A Keras model as the content of a ``.keras`` file.

    Raises:
        WriteError: There is no room for a temporary file.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="siamlite-") as place, known_warnings():
            path = Path(place) / "tower.keras"
            tower.save(str(path))
            return path.read_bytes()
    except (OSError, RuntimeError) as error:  # HDF5 raises the second over a full disk.
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise WriteError(f"cannot write a temporary file: {first}. Free some space.") from error
