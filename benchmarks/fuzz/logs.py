"""Files that siamlite keeps for itself: the audit log, the lockout, a gallery's calibration, marks in JSON."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.fuzz.choices import Choices, changed_bytes, hostile_json
from benchmarks.fuzz.contract import Attempt, Wrong
from edge_runtime.audit.checking import check_log
from edge_runtime.audit.head import CURRENT_NAME, HEAD_NAME, read_head
from edge_runtime.audit.log import AuditLog
from edge_runtime.audit.secret import AuditKey
from edge_runtime.decisions.lockout import Moment
from edge_runtime.decisions.lockout_file import FILE_NAME, LockoutFile
from edge_runtime.gallery.calibration import Calibration
from edge_runtime.people import read_faces_mark

_KEY = AuditKey(value=b"k" * 32, where="the test")


def _logged(folder: Path) -> dict[str, bytes]:
    log = AuditLog(folder, _KEY)
    for number in range(3):
        log.append("decision", {"outcome": "rejected", "number": number}, at=1.7e9 + number)
    LockoutFile(folder, _KEY).reject("somebody", Moment.now())
    return {name: (folder / name).read_bytes() for name in (HEAD_NAME, CURRENT_NAME, FILE_NAME)}


def audit_seeds(folder: Path) -> list[bytes]:
    """Choices of a file and what becomes of it."""
    return [bytes([a, b, c, 1, 2, 3, 4, 5]) for a in range(3) for b in range(3) for c in range(8)]


def make_audit(folder: Path) -> Attempt:
    """An audit log and a lockout that somebody edited who has no key."""
    good = _logged(folder)

    def attempt(data: bytes) -> None:
        choices = Choices(data)
        changed = dict(good)
        name = choices.pick(sorted(good))
        changed[name] = _edited(choices, good[name], lines=name == CURRENT_NAME)
        for place, content in changed.items():
            (folder / place).write_bytes(content)
        checked = check_log(folder, _KEY)
        if changed[CURRENT_NAME] != good[CURRENT_NAME] and not checked.problems:
            whole = changed[CURRENT_NAME].rpartition(b"\n")[0] + b"\n"
            if whole != good[CURRENT_NAME]:
                raise Wrong("a log that was changed is taken for whole")
        read_head(folder, _KEY)
        rows = LockoutFile(folder, _KEY).rows()
        if list(rows) != ["somebody"]:
            raise Wrong("a lockout that was changed is taken for whole")

    return attempt


def _edited(choices: Choices, data: bytes, *, lines: bool) -> bytes:
    if lines:
        rows = data.splitlines()
        at = choices.number(len(rows))
        match choices.number(4):
            case 0:
                rows[at] = hostile_json(choices, json.loads(rows[at]))
            case 1:
                rows.insert(at, rows[choices.number(len(rows))])
            case 2:
                del rows[at]
            case _:
                return changed_bytes(choices, data)
        return b"\n".join(rows) + b"\n"
    return hostile_json(choices, json.loads(data)) if choices.number(2) else changed_bytes(choices, data)


def json_seeds(folder: Path) -> list[bytes]:
    """The mark of a folder of faces, and a calibration."""
    return [
        b'{"size_px": 96, "template": {"name": "x", "points": []}}',
        b"[" * 5000,
        b'{"size_px": ' + b"9" * 5000 + b"}",
    ]


def make_json(folder: Path) -> Attempt:
    """JSON files, and the calibration that a gallery keeps."""

    def attempt(data: bytes) -> None:
        (folder / "faces.json").write_bytes(data)
        Calibration.from_bytes(data)
        read_faces_mark(folder)

    return attempt
