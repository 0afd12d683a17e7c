"""The audit log: whole after every crash, and never silent about what was cut, edited, reordered or added."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from edge_helpers import LAW, ROOT
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.audit.chain import BEGINNING, Entry, entry_in, line_of
from edge_runtime.audit.checking import check_log
from edge_runtime.audit.log import AuditLog, Rotation
from edge_runtime.audit.secret import AuditKey, audit_key
from edge_runtime.errors import AuditError, UsageError

KEY = AuditKey(value=bytes(range(32)), where="a test")
OTHER = AuditKey(value=bytes(32), where="another")
text = st.text(max_size=30)
details = st.dictionaries(
    text,
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text,
    max_size=4,
)


def written(folder: Path, count: int, **rotation: int) -> AuditLog:
    log = AuditLog(folder, KEY, Rotation(**rotation))
    for number in range(count):
        log.append("decision", {"outcome": "rejected", "frames": number}, at=1e9 + number)
    return log


@LAW
@given(st.integers(1, 10**9), st.floats(0, 1e10), text, details)
def test_a_line_gives_back_its_entry_and_only_with_its_key(number: int, at: float, event: str, values: dict) -> None:
    entry = Entry(number=number, at=at, event=event, details=values, previous=BEGINNING)
    line = line_of(entry, KEY)
    assert line.count(b"\n") == 1
    found = entry_in(line[:-1], KEY)
    if len(line) <= 8000:
        assert found == (entry, entry.mac(KEY))
    assert entry_in(line[:-1], OTHER) is None


@pytest.fixture(scope="module")
def eight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("eight")
    written(folder, 8)
    return folder


@LAW
@given(data=st.data())
def test_whatever_is_done_to_a_log_is_noticed(
    data: st.DataObject, eight: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("changed")
    lines = (eight / "audit.jsonl").read_bytes().splitlines(keepends=True)
    how = data.draw(st.sampled_from(["cut", "drop", "swap", "repeat", "flip", "append", "foreign"]))
    at = data.draw(st.integers(0, 7))
    if how == "cut":
        lines = lines[:at]
    elif how == "drop":
        del lines[at]
    elif how == "swap":
        other = data.draw(st.integers(0, 7).filter(lambda n: n != at))
        lines[at], lines[other] = lines[other], lines[at]
    elif how == "repeat":
        lines.insert(at, lines[data.draw(st.integers(0, 7))])
    elif how == "flip":
        line = bytearray(lines[at])
        line[data.draw(st.integers(0, len(line) - 2))] ^= 1 << data.draw(st.integers(0, 7))
        lines[at] = bytes(line)
    elif how == "append":
        lines.append(lines[at].replace(b'"number":', b'"number":1'))
    else:
        entry = entry_in(lines[at][:-1], KEY)
        assert entry is not None
        lines[at] = line_of(entry[0], OTHER)
    (folder / "audit.jsonl").write_bytes(b"".join(lines))
    shutil.copy(eight / "head.json", folder / "head.json")
    assert check_log(folder, KEY).problems


def test_what_is_noticed_at_once_and_what_later(tmp_path: Path) -> None:
    log = written(tmp_path, 5)
    assert check_log(tmp_path, KEY).problems == ()
    path, head = tmp_path / "audit.jsonl", (tmp_path / "head.json").read_bytes()
    whole = path.read_bytes()
    for data in (whole[:-10], whole + b"{}\n", b""):
        path.write_bytes(data)
        with pytest.raises(AuditError, match="audit verify"):
            log.append("decision", {})
    path.unlink()
    with pytest.raises(AuditError, match="cut"):
        log.append("decision", {})
    assert "1 to 5 are missing" in check_log(tmp_path, KEY).problems[0]
    path.write_bytes(whole)
    (tmp_path / "head.json").unlink()
    with pytest.raises(AuditError, match=r"head\.json is missing"):
        log.append("decision", {})
    (tmp_path / "head.json").write_bytes(head[:-5])
    with pytest.raises(AuditError, match="not as it was written"):
        log.append("decision", {})
    (tmp_path / "head.json").write_bytes(head)
    assert log.append("decision", {}).number == 6


def test_a_log_that_is_put_back_is_noticed_by_who_noted_its_end(tmp_path: Path) -> None:
    log = written(tmp_path / "log", 3)
    shutil.copytree(tmp_path / "log", tmp_path / "copy")
    for _ in range(3):
        log.append("decision", {})
    noted = check_log(tmp_path / "log", KEY)
    assert check_log(tmp_path / "log", KEY, expect=(noted.number, noted.last)).problems == ()
    # By itself a whole older log is as good as it was then.
    assert check_log(tmp_path / "copy", KEY).problems == ()
    found = check_log(tmp_path / "copy", KEY, expect=(noted.number, noted.last)).problems
    assert "was replaced or begun anew" in found[0]


def test_what_a_power_cut_leaves_is_mended(tmp_path: Path) -> None:
    log = written(tmp_path, 3)
    path, head = tmp_path / "audit.jsonl", (tmp_path / "head.json").read_bytes()
    log.append("decision", {})
    # The entry was on the disk, but not counted yet.
    (tmp_path / "head.json").write_bytes(head)
    assert check_log(tmp_path, KEY).problems == ()
    assert log.append("decision", {}).number == 5
    with path.open("ab") as stream:
        stream.write(b'{"at":1')
    assert check_log(tmp_path, KEY).problems == ()
    assert log.append("decision", {}).number == 6
    checked = check_log(tmp_path, KEY)
    assert ([entry.number for entry in checked.entries], checked.problems) == ([1, 2, 3, 4, 5, 6], ())


def test_full_files_are_put_aside_and_the_oldest_deleted(tmp_path: Path) -> None:
    written(tmp_path, 40, max_bytes=1000, keep=3)
    names = sorted(path.name for path in tmp_path.glob("*.jsonl"))
    assert len(names) == 4
    checked = check_log(tmp_path, KEY)
    numbers = [entry.number for entry in checked.entries]
    assert (numbers[-1], numbers, checked.problems) == (40, list(range(numbers[0], 41)), ())
    assert numbers[0] > 1
    assert all(path.stat().st_size < 1500 for path in tmp_path.glob("*.jsonl"))
    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("*.json*")} == {0o600}
    # A crash after a file was put aside and before that was noted.
    log = AuditLog(tmp_path, KEY, Rotation(max_bytes=10_000, keep=3))
    head = check_log(tmp_path, KEY)
    begins = int(names[-2].removeprefix("audit-").removesuffix(".jsonl")) if names[-1] == "audit.jsonl" else 0
    assert begins
    (tmp_path / names[0]).unlink()
    assert "are missing" in check_log(tmp_path, KEY).problems[0]
    assert log.append("decision", {}).number == head.number + 1


def test_a_crash_between_the_steps_of_a_rotation(tmp_path: Path) -> None:
    log = written(tmp_path, 6)
    (tmp_path / "audit.jsonl").rename(tmp_path / "audit-000000000001.jsonl")
    assert log.append("decision", {}).number == 7
    assert check_log(tmp_path, KEY).problems == ()


WRITE_ON = """
import sys
from pathlib import Path
from edge_runtime.audit.log import AuditLog, Rotation
from edge_runtime.audit.secret import AuditKey
log = AuditLog(Path(sys.argv[1]), AuditKey(value=bytes(range(32)), where="a test"), Rotation(max_bytes=900, keep=50))
while True:
    print(log.append("decision", {"outcome": "rejected"}).number, flush=True)
"""


def test_a_killed_writer_leaves_every_entry_that_it_told_of(tmp_path: Path) -> None:
    told = 0
    for rounds in (1, 4, 9, 14):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITE_ON, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        for _ in range(rounds):
            told = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read().split()
        told = int(rest[-1]) if rest else told
        process.wait()
        process.stdout.close()
        checked = check_log(tmp_path, KEY)
        assert checked.problems == ()
        assert checked.number >= told


def test_several_processes_write_one_log(tmp_path: Path) -> None:
    code = WRITE_ON.replace("while True:", "for _ in range(12):")
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, stdout=subprocess.DEVNULL)
        for _ in range(3)
    ]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    checked = check_log(tmp_path, KEY)
    assert ([entry.number for entry in checked.entries], checked.problems) == (list(range(1, 37)), ())


def test_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "audit"
    key = audit_key(folder)
    path = folder / "audit.key"
    assert audit_key(folder) == key
    assert path.stat().st_mode & 0o777 == 0o600
    assert key.value.hex() not in repr(key)
    assert key.pseudonym("Ann") == key.pseudonym("Ann") != key.pseudonym("Bob")
    path.chmod(0o644)
    with pytest.raises(AuditError, match="chmod 600"):
        audit_key(folder)
    path.chmod(0o600)
    AuditLog(folder, key).append("decision", {})
    kept = path.read_bytes()
    path.write_bytes(b"short")
    with pytest.raises(AuditError, match="hexadecimal"):
        audit_key(folder)
    path.unlink()
    # A new key would make the old log look forged.
    with pytest.raises(AuditError, match="is gone"):
        audit_key(folder)
    (tmp_path / "siamlite-audit-key").write_bytes(kept)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert audit_key(folder).value == key.value


@pytest.mark.parametrize("values", [{"max_bytes": 0}, {"keep": 0}])
def test_a_log_that_keeps_nothing_is_refused(values: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="at least one"):
        Rotation(**values)
