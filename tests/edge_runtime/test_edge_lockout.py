"""Rejections in a row: how long the next attempt waits, whatever happens to the clocks, the power and the file."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from edge_helpers import GENUINE, IMPOSTOR, LAW, THRESHOLD, Command, frames, in_python, scene
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.audit.checking import check_log
from edge_runtime.audit.log import AuditLog
from edge_runtime.audit.secret import AuditKey, audit_key
from edge_runtime.decisions.attempt import Attempt, Question
from edge_runtime.decisions.decide import Decision, Outcome
from edge_runtime.decisions.guard import Guard
from edge_runtime.decisions.lockout import LockoutPolicy, Moment, Row, left_s, looked_at, rejected
from edge_runtime.decisions.lockout_file import LockoutFile
from edge_runtime.decisions.policy import DecisionPolicy
from edge_runtime.decisions.verifier import Verifier
from edge_runtime.errors import AuditError, UsageError
from edge_runtime.faces.finder import FaceFinder
from edge_runtime.gallery.store import Gallery
from edge_runtime.towers.tower import Tower

KEY = AuditKey(value=bytes(range(32)), where="a test")
START = Moment(wall_s=1e9, up_s=100.0, boot="one")
REJECTED = Decision(outcome=Outcome.REJECTED, person=None, similarity=0.1, threshold=0.5, reason="below-threshold")
ACCEPTED = Decision(outcome=Outcome.ACCEPTED, person="Ann", similarity=0.9, threshold=0.5, reason="match")
seconds = st.floats(0, 1e5)


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> Moment:
        return self.now

    def passes(self, s: float) -> None:
        self.now = replace(self.now, wall_s=self.now.wall_s + s, up_s=self.now.up_s + s)


def guard(folder: Path, clock: Clock, *, required: bool = True, **policy: float) -> Guard:
    lockout = LockoutFile(folder, KEY, LockoutPolicy(**policy))  # type: ignore[arg-type]
    log = AuditLog(folder, KEY)
    return Guard(KEY, gallery_id=b"g" * 16, lockout=lockout, log=log, log_required=required, clock=clock)


@LAW
@given(st.integers(1, 20), st.floats(0.1, 100), st.floats(1, 50), st.integers(0, 2000))
def test_the_wait_doubles_and_never_falls(most: int, first: float, times: float, count: int) -> None:
    policy = LockoutPolicy(max_rejections=most, first_s=first, longest_s=first * times)
    wait = policy.wait_s(count)
    assert 0 <= wait <= policy.wait_s(count + 1) <= policy.longest_s
    assert (wait > 0) == (count >= most)
    if wait and 2 * wait <= policy.longest_s:
        assert policy.wait_s(count + 1) == pytest.approx(2 * wait)
    assert LockoutPolicy(max_rejections=0).wait_s(count) == 0


@LAW
@given(st.floats(1, 3600), st.lists(st.tuples(st.booleans(), st.floats(-1e6, 1e5), seconds), max_size=12))
def test_no_clock_and_no_restart_shortens_a_wait(wait: float, moves: list[tuple[bool, float, float]]) -> None:
    row, now, passed = Row(rejections=5, wait_s=wait, at=START), START, 0.0
    for number, (restarted, wall, up) in enumerate(moves):
        if restarted:
            now = Moment(wall_s=now.wall_s + wall, up_s=up, boot=f"boot {number}")
            passed += max(0.0, wall)
        else:
            # Somebody sets the clock while the machine runs.
            now = Moment(wall_s=now.wall_s + wall, up_s=now.up_s + up, boot=now.boot)
            passed += up
        row = looked_at(row, now)
        assert row.wait_s == pytest.approx(max(0.0, wait - passed), abs=1e-3)
        assert left_s(row, now) == row.wait_s
    again = rejected(row, LockoutPolicy(), now)
    assert again.rejections == 6
    assert again.wait_s >= row.wait_s


def test_a_clock_that_cannot_be_read_shortens_nothing() -> None:
    row = Row(rejections=5, wait_s=30, at=replace(START, boot=""))
    assert left_s(row, replace(START, boot="", wall_s=float("nan"))) == 30
    assert left_s(row, replace(START, boot="", wall_s=float("inf"))) == 30
    with pytest.raises(UsageError, match="finite"):
        Row(rejections=1, wait_s=float("nan"), at=START)
    now = Moment.now()
    assert now.up_s > 0
    assert now.wall_s > 1e9


@pytest.mark.parametrize("values", [{"max_rejections": -1}, {"first_s": 0}, {"first_s": 90, "longest_s": 60}])
def test_a_policy_that_makes_no_sense_is_refused(values: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=r"lockout|rejections"):
        LockoutPolicy(**values)  # type: ignore[arg-type]


def test_after_five_rejections_nobody_is_accepted_until_the_wait_is_over(tmp_path: Path) -> None:
    clock = Clock()
    for number in range(1, 6):
        # A new process each time: what counts is on the disk.
        decision = guard(tmp_path, clock).final(REJECTED)
        assert decision.outcome is Outcome.REJECTED
        assert ("30 s" in decision.advice) == (number == 5)
    for after in (0.0, 29.0):
        clock.passes(after)
        refused = guard(tmp_path, clock).final(ACCEPTED)
        assert (refused.outcome, refused.person, refused.similarity, refused.nearest) == (
            Outcome.LOCKED_OUT, None, None, None,
        )  # fmt: skip
        early = guard(tmp_path, clock).refusal(None, 0.5)
        assert early is not None
        assert early.outcome is Outcome.LOCKED_OUT
    clock.now = Moment(wall_s=clock.now.wall_s - 1e6, up_s=1.0, boot="two")
    assert guard(tmp_path, clock).final(ACCEPTED).outcome is Outcome.LOCKED_OUT
    clock.passes(1.5)
    assert guard(tmp_path, clock).refusal(None, 0.5) is None
    assert guard(tmp_path, clock).final(REJECTED).advice.endswith("60 s")
    clock.passes(60.5)
    assert guard(tmp_path, clock).final(ACCEPTED) == ACCEPTED
    assert guard(tmp_path, clock).final(REJECTED).advice == ""
    events = [entry.details["outcome"] for entry in check_log(tmp_path, KEY).entries]
    assert events.count("rejected") == 7
    assert events.count("accepted") == 1


def test_who_is_claimed_has_a_row_of_their_own(tmp_path: Path) -> None:
    clock = Clock()
    for _ in range(5):
        guard(tmp_path, clock).final(replace(REJECTED, claimed="Ann"))
    assert guard(tmp_path, clock).refusal("Ann", 0.5) is not None
    assert guard(tmp_path, clock).refusal("Bob", 0.5) is None
    assert guard(tmp_path, clock).refusal(None, 0.5) is None
    no_face = Decision(outcome=Outcome.NO_FACE, person=None, similarity=None, threshold=0.5, reason="no-face")
    for _ in range(9):
        assert guard(tmp_path, clock).final(no_face) == no_face
    assert guard(tmp_path, clock).refusal(None, 0.5) is None
    text = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"Ann" not in text


@LAW
@given(position=st.integers(0, 10_000), bit=st.integers(0, 7), cut=st.booleans())
def test_a_damaged_state_accepts_nobody(
    tmp_path_factory: pytest.TempPathFactory, position: int, bit: int, cut: bool
) -> None:
    folder = tmp_path_factory.mktemp("state")
    clock = Clock()
    guard(folder, clock).final(REJECTED)
    path = folder / "lockout.json"
    data = bytearray(path.read_bytes())
    meant = means(bytes(data))
    at = position % len(data)
    data[at] ^= 1 << bit
    path.write_bytes(data[:at] if cut else data)
    decision = guard(folder, clock).final(ACCEPTED)
    if not cut and means(bytes(data)) == meant:
        assert decision == ACCEPTED
        return
    assert decision.outcome is Outcome.FAULT
    assert "lockout clear" in decision.advice
    assert guard(folder, clock).refusal(None, 0.5) is not None
    LockoutFile(folder, KEY).clear()
    assert guard(folder, clock).final(ACCEPTED) == ACCEPTED


def means(data: bytes) -> object:
    """What a file says, however it is spelt; None if it says nothing."""
    try:
        return json.loads(data)
    except ValueError:
        return None


def test_another_key_opens_no_lockout(tmp_path: Path) -> None:
    clock = Clock()
    guard(tmp_path, clock).final(REJECTED)
    with pytest.raises(AuditError, match="another key"):
        LockoutFile(tmp_path, AuditKey(value=bytes(32), where="elsewhere")).rows()


def test_what_cannot_be_written_is_a_fault_or_not_as_was_asked_for(tmp_path: Path) -> None:
    clock = Clock()
    guard(tmp_path, clock).final(ACCEPTED)
    (tmp_path / "audit.jsonl").write_bytes(b"")
    assert guard(tmp_path, clock).final(ACCEPTED).outcome is Outcome.FAULT
    assert guard(tmp_path, clock, required=False).final(ACCEPTED) == ACCEPTED
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    # The lockout is never done without: else whoever fills the disk could try for ever.
    for required in (True, False):
        decision = guard(blocked, clock, required=required).final(ACCEPTED)
        assert (decision.outcome, decision.person) == (Outcome.FAULT, None)


SMALL = """
import resource, sys
from pathlib import Path
from edge_runtime.audit.log import AuditLog
from edge_runtime.audit.secret import AuditKey
from edge_runtime.decisions.decide import Decision, Outcome
from edge_runtime.decisions.guard import Guard
key = AuditKey(value=bytes(range(32)), where="a test")
log = AuditLog(Path(sys.argv[1]), key)
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
yes = Decision(outcome=Outcome.ACCEPTED, person="Ann", similarity=0.9, threshold=0.5, reason="match")
guard = Guard(key, gallery_id=b"g", log=log)
print(*[guard.final(yes).outcome.value for _ in range(12)])
"""


def test_a_full_disk_is_a_fault_and_leaves_a_whole_log(tmp_path: Path) -> None:
    ran = in_python(SMALL, tmp_path)
    words = ran.stdout.split()
    count = words.count("accepted")
    assert 0 < count < 12, ran
    assert words == ["accepted"] * count + ["fault"] * (12 - count)
    checked = check_log(tmp_path, KEY)
    assert (len(checked.entries), checked.problems) == (count, ())


def test_what_comes_after_a_decision_never_accepts() -> None:
    question = Question(names=("a",), threshold=0.5, policy=DecisionPolicy(), final=lambda decision: ACCEPTED)
    with pytest.raises(UsageError, match="never accept"):
        Attempt(question).end_of_source()


def test_a_verifier_is_locked_out_without_looking(
    tower: Tower, finder: FaceFinder, gallery_path: Path, att_faces: Path, tmp_path: Path
) -> None:
    clock = Clock()
    stands = guard(tmp_path / "audit", clock, max_rejections=2)
    with Gallery.open(gallery_path, tower) as gallery:
        verifier = Verifier(tower, gallery, finder, claimed=GENUINE, threshold=THRESHOLD, guard=stands)
    stranger = frames([scene(att_faces / IMPOSTOR / "1.pgm")])
    genuine = frames([scene(att_faces / GENUINE / f"{n}.pgm") for n in (6, 7, 8)])
    assert verifier.decide(stranger).outcome is Outcome.REJECTED
    assert verifier.decide(genuine).outcome is Outcome.ACCEPTED
    for _ in range(2):
        assert verifier.decide(stranger).outcome is Outcome.REJECTED
    locked = verifier.decide(genuine)
    assert (locked.outcome, locked.reason, locked.frames) == (Outcome.LOCKED_OUT, "locked-out", 0)
    watched = list(verifier.watch([*genuine, *frames([np.full((240, 320, 3), 96, np.uint8)] * 4, start_s=3)]))
    assert [decision.outcome for decision in watched] == [Outcome.LOCKED_OUT]
    # How many frames were compared would tell whether they matched.
    assert (watched[0].similarity, watched[0].good_frames, watched[0].quality) == (None, 0, {})
    clock.passes(30)
    assert verifier.decide(genuine).outcome is Outcome.ACCEPTED


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, siamlite_home: Path) -> Path:
    """A home of its own, with the detectors and the gallery's key in it."""
    path = tmp_path / "home"
    path.mkdir()
    (path / "models").symlink_to(siamlite_home / "models")
    (path / "gallery.key").symlink_to(siamlite_home / "gallery.key")
    monkeypatch.setenv("SIAMLITE_HOME", str(path))
    return path


def test_the_commands(
    siamlite: Command,
    tiny_tower_path: Path,
    gallery_path: Path,
    people: Callable[[str, int, int], Path],
    home: Path,
) -> None:
    place = ["--tower", tiny_tower_path, "--gallery", gallery_path, "--threshold", THRESHOLD]
    verify = ["verify", GENUINE, "--json", "--max-rejections", 1, "--lockout", 600, *place]
    assert siamlite(*verify, "--source", people(GENUINE, 6, 7))[0] == 0
    code, out, _ = siamlite(*verify, "--source", people(IMPOSTOR, 1, 1))
    assert (code, json.loads(out)["outcome"]) == (1, "rejected")
    code, out, err = siamlite(*verify, "--source", people(GENUINE, 6, 7))
    assert (code, json.loads(out)["outcome"], err) == (1, "locked-out", "")
    code, out, _ = siamlite("lockout", "show", "--json", "--gallery", gallery_path)
    row = json.loads(out)["rows"][0]
    assert (row["name"], row["mode"], row["rejections"], 500 < row["wait_s"] <= 600) == (GENUINE, "verify", 1, True)
    assert GENUINE in siamlite("lockout", "show", "--gallery", gallery_path)[1]
    code, out, _ = siamlite("audit", "show", "--json", "--gallery", gallery_path)
    shown = json.loads(out)
    assert [entry["outcome"] for entry in shown["entries"]] == ["accepted", "rejected", "locked-out"]
    assert {entry["name"] for entry in shown["entries"]} == {GENUINE}
    assert "similarity" not in out
    assert siamlite("lockout", "clear")[0] == 0
    assert siamlite(*verify, "--source", people(GENUINE, 6, 7))[0] == 0
    code, out, err = siamlite("audit", "verify")
    assert (code, "5 entries, 1 to 5: whole" in out) == (0, True)
    noted = err.split("--expect ")[1].strip()
    assert siamlite("audit", "verify", "--expect", noted)[0] == 0
    (home / "audit/lockout.json").write_bytes(b"{}")
    code, out, _ = siamlite(*verify, "--source", people(GENUINE, 6, 7))
    assert (code, json.loads(out)["outcome"]) == (3, "fault")
    log = home / "audit/audit.jsonl"
    log.write_bytes(log.read_bytes().replace(b'"accepted"', b'"rejected"', 1))
    code, out, err = siamlite("audit", "verify")
    assert (code, "DAMAGED" in out, "line 1 of audit.jsonl is not as it was written" in err) == (1, True, True)
    assert siamlite("audit", "verify", "--json", "--expect", f"4:{'0' * 64}")[0] == 1
    assert "--expect" not in siamlite.fails(2, "audit", "verify", "--expect", "many")
    assert audit_key().where == str(home / "audit/audit.key")


def test_without_a_log_and_a_lockout_nothing_is_written(
    siamlite: Command, tiny_tower_path: Path, gallery_path: Path, people: Callable[[str, int, int], Path], home: Path
) -> None:
    place = ["--tower", tiny_tower_path, "--gallery", gallery_path, "--threshold", THRESHOLD]
    words = ["identify", *place, "--audit", "off", "--max-rejections", 0, "--source", people(GENUINE, 6, 7)]
    assert siamlite(*words)[0] == 0
    assert not (home / "audit").exists()
    assert "there is no audit log" in siamlite.fails(2, "audit", "verify")


def test_changes_of_a_gallery_are_written_down(
    siamlite: Command, gallery_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SIAMLITE_TRANSFER_PASSPHRASE", "four random words")
    place = ["--gallery", gallery_path]
    assert siamlite("gallery", "rename", GENUINE, "Ann", *place)[0] == 0
    assert siamlite("gallery", "rekey", *place)[0] == 0
    assert siamlite("gallery", "export", tmp_path / "people", *place)[0] == 0
    assert siamlite("gallery", "import", tmp_path / "people", "--force", *place)[0] == 0
    assert siamlite("gallery", "remove", "Ann", *place)[0] == 0
    siamlite.fails(3, "gallery", "remove", "Ann", *place)
    entries = json.loads(siamlite("audit", "show", "--json", *place)[1])["entries"]
    assert [entry["event"] for entry in entries] == ["rename", "rekey", "export", "import", "remove"]
    # Who was removed has no name any more.
    assert entries[0]["to"] == entries[4]["person"] == audit_key().pseudonym("Ann")
    assert all("name" not in entry for entry in entries)
    assert not any(b"Ann" in path.read_bytes() for path in (home / "audit").iterdir())
    log = home / "audit" / "audit.jsonl"
    log.write_bytes(log.read_bytes()[:-1])
    before = gallery_path.read_bytes()
    assert "audit verify" in siamlite.fails(3, "gallery", "rekey", *place)
    assert gallery_path.read_bytes() == before
    monkeypatch.setenv("SIAMLITE_AUDIT", "off")
    assert siamlite("gallery", "rekey", *place)[0] == 0


def test_a_home_that_cannot_be_written_to_accepts_nobody_unless_that_was_asked_for(
    siamlite: Command, tiny_tower_path: Path, gallery_path: Path, people: Callable[[str, int, int], Path], home: Path
) -> None:
    (home / "audit").write_bytes(b"")
    place = ["--tower", tiny_tower_path, "--gallery", gallery_path, "--threshold", THRESHOLD]
    words = ["verify", GENUINE, *place, "--source", people(GENUINE, 6, 7)]
    assert "audit" in siamlite.fails(3, *words)
    assert "audit" in siamlite.fails(3, *words, "--audit", "best-effort")
    assert "audit" in siamlite.fails(3, *words, "--max-rejections", 0)
    code, _, err = siamlite(*words, "--audit", "best-effort", "--max-rejections", 0)
    assert (code, "warning: " in err) == (0, True)


outcomes = st.sampled_from([REJECTED, ACCEPTED, replace(REJECTED, claimed="Ann"), replace(ACCEPTED, claimed="Ann")])


@LAW
@given(st.lists(st.tuples(outcomes, st.floats(0, 100)), max_size=25), st.integers(1, 4))
def test_a_guard_only_ever_refuses_and_lets_in_whoever_may(
    tmp_path_factory: pytest.TempPathFactory, events: list[tuple[Decision, float]], most: int
) -> None:
    clock = Clock()
    stands = guard(tmp_path_factory.mktemp("law"), clock, max_rejections=most, first_s=20.0)
    rows: dict[str | None, tuple[int, float]] = {}
    for decision, passes in events:
        clock.passes(passes)
        count, until = rows.get(decision.claimed, (0, 0.0))
        after = stands.final(decision)
        if clock.now.up_s < until - 1e-3:
            assert (after.outcome, after.similarity, after.person) == (Outcome.LOCKED_OUT, None, None)
        elif clock.now.up_s > until + 1e-3:
            assert (after.outcome, after.person) == (decision.outcome, decision.person)
            wait = stands_wait(most, count + 1)
            rows[decision.claimed] = (0, 0.0) if decision.accepted else (count + 1, clock.now.up_s + wait)
        else:
            return


def stands_wait(most: int, rejections: int) -> float:
    """20 s after so many rejections, and twice as long after each further one, in plain steps."""
    wait = 0.0
    for number in range(1, rejections + 1):
        if number >= most:
            wait = 20.0 if not wait else min(3600.0, 2 * wait)
    return wait
