"""An audit as table, CSV, JSON and picture."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np

from edge_runtime.commands.console import table
from edge_runtime.files import refuse_overwrite, write_bytes, write_json
from train.prepare.audit import Audit, Finding
from train.prepare.near import MAX_DISTANCE, MIN_CORRELATION
from train.prepare.sheet import Cell, draw_sheet

FILES = ("audit.csv", "audit.json", "audit.png")
# More findings of one kind are counted, not listed.
LISTED = 10_000
_SHOWN, _COLUMNS, _SIDE_PX = 16, 4, 96
_MEANING = {
    "copy-same-person": "two pictures of one person are one, or of one moment",
    "copy-other-person": "one picture under two people",
    "copy-other-set": "one picture in both sets",
    "unlike-person": "a picture nearer to another person than to its own",
    "two-names": "two people who are probably one",
    "person-other-set": "people who are probably in both sets",
}


def audit_mapping(audit: Audit) -> dict[str, Any]:
    """The summary as JSON holds it."""
    return {
        "folder": audit.folder,
        "against": audit.against or None,
        "tower": audit.tower or None,
        "people": len(audit.faces.people),
        "pictures": len(audit.faces.names),
        "counts": audit.counts,
    }


def audit_text(audit: Audit) -> str:
    """The summary for a person."""
    rows = [["finding", "count", ""]] + [[kind, str(count), ""] for kind, count in audit.counts.items()]
    lines = table([row[:2] for row in rows]).splitlines()
    meanings = ["", *(_MEANING[kind] for kind in audit.counts)]
    text = "\n".join(f"{line}  {meaning}".rstrip() for line, meaning in zip(lines, meanings, strict=True))
    head = f"{len(audit.faces.names)} pictures of {len(audit.faces.people)} people"
    if not audit.tower:
        text += "\nonly copies were looked for: strangers and double names need --tower TOWER"
    return f"{head}\n{text}"


def refuse_audit(folder: Path, *, force: bool) -> None:
    """Refuse to replace an audit that is there.

    Raises:
        UsageError: There is one and ``force`` is false.
    """
    for name in FILES:
        refuse_overwrite(folder / name, force=force)


def write_audit(folder: Path, audit: Audit) -> list[Path]:
    """Write ``audit.csv``, ``audit.json`` and, if something was found, ``audit.png`` into a folder.

    Raises:
        WriteError: A file cannot be written.
    """
    listed = [item for kind in audit.counts for item in _of_kind(audit, kind)[:LISTED]]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["kind", "first", "second", "similarity", "compared_with", "note"])
    writer.writerows(_row(item) for item in listed)
    limits = {"hash_distance": MAX_DISTANCE, "correlation": MIN_CORRELATION}
    written = [
        write_bytes(folder / "audit.csv", text.getvalue().encode()),
        write_json(folder / "audit.json", {**audit_mapping(audit), "limits": limits, "by_person": list(audit.people)}),
    ]
    if listed:
        written.append(write_bytes(folder / "audit.png", draw_audit(audit)))
    else:
        (folder / "audit.png").unlink(missing_ok=True)
    return written


def draw_audit(audit: Audit) -> bytes:
    """The surest findings of each kind, side by side: a PNG.

    An ``unlike-person`` picture stands before a typical picture of its own person and of the nearest one.
    """
    cells = []
    for kind in audit.counts:
        cells += [_cell(audit, item) for item in _of_kind(audit, kind)[:_SHOWN]]
    total = sum(audit.counts.values())
    title = f"{len(cells)} of {total} findings, the surest of each kind first"
    abreast = 3 if audit.counts.get("unlike-person") else 2
    return draw_sheet(cells, title=title, columns=min(_COLUMNS, len(cells)), size_px=(abreast * _SIDE_PX, _SIDE_PX))


def _of_kind(audit: Audit, kind: str) -> list[Finding]:
    return [item for item in audit.findings if item.kind == kind]


def _row(item: Finding) -> list[str]:
    return [item.kind, item.first, item.second, f"{item.similarity:.4f}", f"{item.compared_with:.4f}", item.note]


def _cell(audit: Audit, item: Finding) -> Cell:
    other = audit.other if item.kind.endswith("other-set") and audit.other is not None else audit.faces
    pictures = [audit.faces.pixels[item.rows[0]], other.pixels[item.rows[1]]]
    value = f"{item.similarity:.3f}"
    if item.kind == "unlike-person":
        person = audit.faces.people[audit.faces.labels[item.rows[0]]]
        mates = np.flatnonzero(audit.faces.labels == audit.faces.labels[item.rows[0]])
        mate = next((row for row in mates.tolist() if row != item.rows[0]), item.rows[0])
        pictures.insert(1, audit.faces.pixels[mate])
        value = f"{person} {item.compared_with:.3f}, {item.second} {item.similarity:.3f}"
    caption = f"{item.kind}: {value} {item.note}\n{item.first}\n{item.second}"
    return Cell(picture=np.concatenate(pictures, axis=1), caption=caption)
