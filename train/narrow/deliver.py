"""What narrowing leaves: the tower, and beside it how its faces are cut and where its weights come from."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_runtime import __version__
from edge_runtime.errors import UsageError, WriteError
from edge_runtime.faces.align import AlignmentTemplate, template_values
from edge_runtime.files import refuse_overwrite, sha256_bytes, sha256_file, write_bytes, write_json
from edge_runtime.towers.preprocess import InputSpec
from train.towers.beside import ALIGNMENT, LICENCE, ORIGIN, origin_of_tower, read_beside, saved_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Judges:
    """The pictures that the channels were judged by.

    Attributes:
        pictures: How many.
        sha256: Hash over their names and contents.
    """

    pictures: int
    sha256: str


def refuse_beside(out: Path, *, force: bool) -> None:
    """Refuse to write where something is that would be replaced; even if forced, beside a run.

    Raises:
        UsageError: ``out`` is no ``.keras`` path, or its folder holds a tower already.
    """
    if out.suffix != ".keras":
        raise UsageError(f"--out must end in .keras, not {out.name!r}. Use: --out FOLDER/tower.keras")
    if out.is_dir():
        raise UsageError(f"{out} is a folder; --out takes a file. Choose another --out.")
    if (out.parent / "config.json").exists():
        raise UsageError(f"{out.parent} holds a run, which --force does not replace here. Choose another --out.")
    for path in (out, out.parent / ORIGIN, out.parent / ALIGNMENT):
        refuse_overwrite(path, force=force)


def write_narrowed(
    out: Path, tower: Any, spec: InputSpec, *, template: AlignmentTemplate, wide: Path, judges: Judges, repaired: bool
) -> dict[str, Any]:
    """Write a narrowed tower and what belongs beside it; the origin last, which vouches for the others.

    Args:
        out: The ``.keras`` file.
        tower: The Keras model.
        spec: What it takes in.
        template: How its faces are cut.
        wide: The tower that was narrowed.
        judges: The pictures that channels were judged by.
        repaired: Whether its layers were solved anew.

    Returns:
        What ``origin.json`` holds.

    Raises:
        WriteError: A file cannot be written.
    """
    data, before = saved_bytes(tower), read_beside(wide)
    origin: dict[str, Any] = {
        "tower": origin_of_tower(
            out.name, sha256_bytes(data), spec, length=int(tower.output_shape[-1]), template=template
        ),
        "narrowed_from": {"file": wide.name, "sha256": sha256_file(wide), "repaired": repaired},
        "judged_by": {"pictures": judges.pictures, "sha256": judges.sha256},
        "siamlite": __version__,
    }
    if before is not None:
        origin["narrowed_from"]["origin"] = before.origin
    write_bytes(out, data)
    write_json(out.parent / ALIGNMENT, template_values(template))
    licence = wide.parent / LICENCE
    if licence.is_file() and wide.parent.resolve() != out.parent.resolve():
        try:
            shutil.copyfile(licence, out.parent / LICENCE)
        except OSError as error:
            raise WriteError(f"cannot write {out.parent / LICENCE}: {error.strerror or error}.") from error
    write_json(out.parent / ORIGIN, origin)
    return origin
