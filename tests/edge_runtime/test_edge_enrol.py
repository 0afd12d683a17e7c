"""Enrolment: what is refused, what is said of the samples, and that nothing is ever added by itself."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from edge_helpers import GENUINE, IMPOSTOR, LAW, Command, frames, needs_the_cards_thresholds, scene
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.commands.enroll import show_progress
from edge_runtime.errors import EnrolmentRefused
from edge_runtime.faces.finder import FaceFinder
from edge_runtime.faces.quality import Quality
from edge_runtime.gallery.enrol import EnrolmentPolicy, Look, collect
from edge_runtime.gallery.enrol_checks import (
    EnrolmentLimits,
    goodness,
    nearest_person,
    outliers,
    refuse_duplicate,
    refuse_others,
    to_the_others,
)
from edge_runtime.gallery.enrol_guide import Guide
from edge_runtime.gallery.enrol_ring import draw_ring
from edge_runtime.gallery.match import Enrolled
from edge_runtime.gallery.store import Gallery
from edge_runtime.measures.proportions import predicted_share_below
from edge_runtime.towers.card import Card
from edge_runtime.towers.tower import Tower

People = Callable[[str, int, int], Path]
LIMITS = EnrolmentLimits(same=0.6, least=0.3, duplicate=0.7, fnmr=0.02)
STRAIGHT = Quality(interocular_px=40, sharpness=60, brightness=120, contrast=30, inside=1, score=0.9)


def around(seed: int, count: int, spread: float, length: int = 64) -> np.ndarray:
    """Unit vectors around a random direction."""
    draw = np.random.default_rng(seed)
    rows = draw.normal(size=length) / 8 + spread * draw.normal(size=(count, length)) / 8
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@LAW
@given(st.integers(0, 10**6), st.integers(3, 9), st.floats(0.05, 0.4))
def test_a_stranger_among_samples_is_found_and_nobody_else(seed: int, count: int, spread: float) -> None:
    rows = around(seed, count, spread)
    assert outliers(rows, 0.5) == []
    assert outliers(rows, None) == []
    at = seed % count
    rows[at] = around(seed + 1, 1, 0)[0]
    assert outliers(rows, 0.5) == [at]
    looped = [np.mean([float(rows[i] @ rows[j]) for j in range(count) if j != i]) for i in range(count)]
    np.testing.assert_allclose(to_the_others(rows), looped, atol=1e-6)


@pytest.mark.parametrize("sizes", [(1, 1), (2, 2), (2, 1, 1), (1, 1, 1)])
def test_samples_of_several_people_are_nobodys(sizes: tuple[int, ...]) -> None:
    rows = np.concatenate([around(10 + n, size, 0.1) for n, size in enumerate(sizes)])
    with pytest.raises(EnrolmentRefused, match="do not resemble each other") as refused:
        outliers(rows, 0.6)
    assert refused.value.reason == "unlike-each-other"


def test_a_duplicate_is_refused_with_who_and_how_much() -> None:
    enrolled = Enrolled.of({"Ann": around(1, 3, 0.2), "Bob": around(2, 3, 0.2)})
    name, similarity = nearest_person(around(1, 4, 0.2), enrolled)
    looped = np.mean([[float(a @ b) for b in around(1, 3, 0.2)] for a in around(1, 4, 0.2)])
    assert (name, similarity) == ("Ann", pytest.approx(looped, abs=1e-5))
    with pytest.raises(EnrolmentRefused, match=rf"'Ann'.*{similarity:.3f}.*0\.700"):
        refuse_duplicate(name, similarity, LIMITS)
    refuse_duplicate(name, 0.69, LIMITS)
    refuse_duplicate(name, similarity, EnrolmentLimits())


def test_only_samples_of_the_person_may_be_added() -> None:
    own = Enrolled.of({"Ann": around(1, 3, 0.2)})
    refuse_others(around(1, 2, 0.2), own, LIMITS)
    mixed = np.concatenate([around(1, 2, 0.2), around(2, 1, 0.2)])
    with pytest.raises(EnrolmentRefused, match="1 of 3 samples do not match 'Ann'"):
        refuse_others(mixed, own, LIMITS)
    with pytest.raises(EnrolmentRefused, match="cannot be said"):
        refuse_others(around(1, 2, 0.2), own, EnrolmentLimits())


@LAW
@given(st.lists(st.floats(-1, 1), min_size=2, max_size=20), st.floats(-1, 1), st.floats(0, 1))
def test_a_higher_threshold_is_missed_more_often(values: list[float], limit: float, more: float) -> None:
    share = predicted_share_below(values, limit)
    assert 0 <= share <= predicted_share_below(values, limit + more) + 1e-9 <= 1 + 2e-9
    mirrored = predicted_share_below([-value for value in values], -limit)
    if np.std(values) > 1e-6:
        assert share + mirrored == pytest.approx(1, abs=1e-6)


def test_the_prediction_is_students() -> None:
    # By hand: mean 0.8, s = 0.1, n = 3; with 2 degrees of freedom F(t) = 1/2 + t / (2 sqrt(2 + t^2)).
    t = (0.6 - 0.8) / (0.1 * np.sqrt(1 + 1 / 3))
    assert predicted_share_below([0.7, 0.8, 0.9], 0.6) == pytest.approx(0.5 + t / (2 * np.sqrt(2 + t * t)), abs=1e-9)


def test_the_expected_fnmr_is_the_larger_of_two() -> None:
    rows = around(1, 5, 0.2)
    good = goodness(rows, ("Bob", 0.25), LIMITS)
    assert good.fnmr_samples is not None
    assert good.expected_fnmr == max(0.02, good.fnmr_samples)
    assert good.margin == pytest.approx(float(to_the_others(rows).mean()) - 0.25, abs=1e-6)
    scattered = goodness(around(1, 5, 0.9), None, LIMITS)
    assert scattered.expected_fnmr == scattered.fnmr_samples
    assert scattered.expected_fnmr is not None
    assert scattered.expected_fnmr > 0.1
    single = goodness(rows[:1], None, LIMITS)
    assert (single.self_similarity, single.fnmr_samples, single.expected_fnmr) == (None, None, 0.02)
    assert goodness(rows, None, EnrolmentLimits()).expected_fnmr is None


def test_the_limits_are_the_cards(tower: Tower) -> None:
    card = tower.card
    by_fmr = {point.target_fmr: point.threshold for point in card.thresholds}
    one = EnrolmentLimits.of(card, people=1, calibrated=True)
    assert (one.same, one.duplicate) == (by_fmr[0.01], by_fmr[0.01])
    # The tests' tower is so poor that a third of genuine pairs is below its loosest threshold.
    assert one.least is None
    better = replace(card, thresholds=tuple(replace(point, fnmr=0.05) for point in card.thresholds))
    assert EnrolmentLimits.of(better, people=1, calibrated=True).least == by_fmr[0.1]
    assert EnrolmentLimits.of(card, people=10, calibrated=True).duplicate == by_fmr[0.001]
    assert EnrolmentLimits.of(card, people=10_000, calibrated=True).duplicate == by_fmr[0.001]
    assert EnrolmentLimits.of(card, people=1, calibrated=False) == EnrolmentLimits()
    bare: Card = replace(card, thresholds=(), default_fmr=None)
    assert EnrolmentLimits.of(bare, people=1, calibrated=True) == EnrolmentLimits()
    assert EnrolmentLimits.of(bare, people=1, calibrated=False, threshold=0.5).duplicate == 0.5


def test_a_guide_asks_for_one_pose_after_the_other_and_gives_up_on_none() -> None:
    guide, asked = Guide(patience_s=5), []
    turned = replace(STRAIGHT, yaw_deg=18)
    for quality, fits in ((STRAIGHT, turned), (turned, STRAIGHT), (replace(turned, yaw_deg=-18), turned)):
        asked.append(guide.words)
        assert not guide.takes(fits, 0)
        assert guide.takes(quality, 0.1)
        guide.taken(quality, 0.1)
    assert asked == [
        "look straight at the camera", "turn your head a little to one side", "and a little to the other side",
    ]  # fmt: skip
    assert not guide.takes(STRAIGHT, 1)
    assert guide.takes(STRAIGHT, 5.2)
    guide.taken(STRAIGHT, 5.2)
    assert guide.takes(STRAIGHT, 5.3)
    guide.taken(STRAIGHT, 5.3)
    assert guide.words == asked[0]


def test_a_stranger_who_steps_in_gives_no_sample(tower: Tower, finder: FaceFinder, att_faces: Path) -> None:
    def source() -> Iterator[str]:
        yield from (f"{GENUINE}/1", f"{GENUINE}/2", f"{IMPOSTOR}/1", f"{GENUINE}/3", f"{GENUINE}/4", f"{GENUINE}/5")

    looks: list[Look] = []
    stream = frames([scene(att_faces / f"{name}.pgm") for name in source()])
    policy = EnrolmentPolicy(samples=4, least=min(point.threshold for point in tower.card.thresholds))
    found = collect(stream, finder, tower, policy, progress=looks.append)
    assert len(found.templates) == 4
    assert found.turned_away == {"unlike-the-others": 1}
    assert [look.got for look in looks] == [1, 2, 3, 4, 4]
    assert looks[-1].wanted == 4


def test_the_ring_closes(att_faces: Path) -> None:
    image = scene(att_faces / GENUINE / "1.pgm")
    shares = [0.0, 0.25, 0.5, 1.0]
    green = []
    for share in shares:
        drawn = draw_ring(image, (110, 60, 210, 180), share, "hold still – ok")
        assert drawn.shape == image.shape
        green.append(int(np.all(np.abs(drawn.astype(int) - (46, 160, 67)) < 10, axis=2).sum()))
    assert green == sorted(green)
    assert green[0] == 0
    assert green[3] > 1.5 * green[2] > 2 * green[1] > 0
    assert draw_ring(image, None, 2.0, "").shape == image.shape


def enrolled_templates(siamlite: Command, gallery: Path) -> dict[str, int]:
    listed = json.loads(siamlite("gallery", "list", "--json", "--gallery", gallery)[1])
    return {person["name"]: person["templates"] for person in listed["people"]}


def test_the_command_refuses_duplicates_and_adds_only_what_matches(
    siamlite: Command, tower: Tower, tiny_tower_path: Path, gallery_path: Path, people: People
) -> None:
    needs_the_cards_thresholds(tower)
    place = ["--tower", tiny_tower_path, "--gallery", gallery_path]
    line = siamlite.fails(2, "enroll", "Twin", "--source", people(GENUINE, 6, 10), *place)
    assert f"matches '{GENUINE}'" in line
    assert "Nobody was enrolled" in line
    assert enrolled_templates(siamlite, gallery_path) == {GENUINE: 5}
    line = siamlite.fails(2, "enroll", GENUINE, "--update", "--source", people(IMPOSTOR, 1, 3), *place)
    assert "do not match" in line
    assert "Nothing was added" in line
    assert enrolled_templates(siamlite, gallery_path) == {GENUINE: 5}
    assert "not enrolled" in siamlite.fails(3, "enroll", "Eve", "--update", "--source", "99", *place)

    source = people(GENUINE, 1, 2)
    code, out, _ = siamlite("enroll", GENUINE, "--update", "--json", "--source", source, *place)
    added = json.loads(out)
    assert (code, added["updated"], added["samples"], added["templates"]) == (0, True, 2, 7)
    assert enrolled_templates(siamlite, gallery_path) == {GENUINE: 7}
    code, out, _ = siamlite("enroll", "Bob", "--json", "--source", people(IMPOSTOR, 1, 3), *place)
    new = json.loads(out)
    assert (code, new["nearest"], new["checked"]) == (0, GENUINE, True)
    assert new["expected_fnmr"] >= new["fnmr_card"] > 0
    assert new["margin"] == pytest.approx(new["self_similarity"] - new["nearest_similarity"], abs=2e-4)
    code, _, err = siamlite("enroll", "Twin", "--allow-duplicate", "--source", people(GENUINE, 6, 8), *place)
    assert (code, f"nearest other person: {GENUINE}" in err, "expected FNMR" in err) == (0, True, True)
    shown = json.loads(siamlite("audit", "show", "--json", "--last", 0, "--gallery", gallery_path)[1])
    reasons = [entry["reason"] for entry in shown["entries"] if entry["event"] == "enrolment-failed"]
    assert reasons[-2:] == ["duplicate", "not-the-same-person"]
    assert shown["failures_to_enrol"] >= 2
    assert shown["enrolments"] >= 3


def test_verifying_adds_nothing(siamlite: Command, tiny_tower_path: Path, gallery_path: Path, people: People) -> None:
    before = gallery_path.read_bytes()
    words = ["--tower", tiny_tower_path, "--gallery", gallery_path, "--threshold", 0.6]
    assert siamlite("verify", GENUINE, "--source", people(GENUINE, 6, 10), *words)[0] == 0
    assert siamlite("identify", "--source", people(GENUINE, 6, 10), *words)[0] == 0
    with Gallery.open(gallery_path) as gallery:
        assert [person.templates for person in gallery.people()] == [5]
    assert gallery_path.read_bytes() == before


def test_an_enrolment_that_cannot_be_written_down_does_not_happen(
    siamlite: Command, tiny_tower_path: Path, people: People, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    siamlite_home: Path,
) -> None:  # fmt: skip
    home = tmp_path / "home"
    home.mkdir()
    (home / "models").symlink_to(siamlite_home / "models")
    (home / "audit").write_bytes(b"")
    monkeypatch.setenv("SIAMLITE_HOME", str(home))
    words = [
        "enroll",
        "Ann",
        "--source",
        people(GENUINE, 1, 3),
        "--tower",
        tiny_tower_path,
        "--gallery",
        tmp_path / "g",
    ]
    assert "audit" in siamlite.fails(3, *words)
    assert not (tmp_path / "g").exists()
    code, _, err = siamlite(*words, "--audit", "best-effort")
    assert (code, "warning: " in err) == (0, True)
    monkeypatch.setenv("SIAMLITE_AUDIT", "off")
    assert siamlite(*words, "--force")[0] == 0
    monkeypatch.setenv("SIAMLITE_AUDIT", "maybe")
    assert "$SIAMLITE_AUDIT" in siamlite.fails(2, *words, "--force")


def test_a_terminal_sees_a_bar_and_the_advice(
    tower: Tower,
    finder: FaceFinder,
    att_faces: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    options = argparse.Namespace(window=False)
    wall = np.full((240, 320, 3), 96, np.uint8)
    stream = frames([wall, *[scene(att_faces / GENUINE / f"{n}.pgm") for n in (1, 2)]])
    collect(stream, finder, tower, EnrolmentPolicy(samples=2), progress=lambda look: show_progress(options, look))
    said = capsys.readouterr().err.split("\r\033[K")[1:]
    assert said == [
        "[....................] 0 of 2 samples  look at the camera",
        "[##########..........] 1 of 2 samples  ",
        "[####################] 2 of 2 samples  ",
    ]
    assert capsys.readouterr().out == ""
