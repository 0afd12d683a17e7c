"""Thresholds calibrated on a gallery's own people: never below the card's, sealed, and honest about few people."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from edge_helpers import GENUINE, LAW, Command, needs_the_cards_thresholds, unit
from hypothesis import given
from hypothesis import strategies as st
from vault_helpers import OTHER_SPACE, SPACE

from edge_runtime.decisions.at_home import (
    MAX_PEOPLE,
    calibrate_at_home,
    in_words,
    own_similarities,
    pair_similarities,
    pairs_needed,
    people_needed,
)
from edge_runtime.decisions.policy import DecisionPolicy
from edge_runtime.decisions.threshold import card_point, choose_threshold
from edge_runtime.errors import GalleryError, UsageError
from edge_runtime.faces.finder import FaceFinder
from edge_runtime.gallery.calibration import Calibration, read_calibration, write_calibration
from edge_runtime.gallery.match import Enrolled
from edge_runtime.gallery.rewriting import rekey
from edge_runtime.gallery.store import Gallery
from edge_runtime.gallery.wholeness import Seal
from edge_runtime.measures.metrics import OperatingPoint, proportion_upper_bound
from edge_runtime.towers.tower import Tower

POINT = OperatingPoint(
    target_fmr=0.01, threshold=0.5, fmr=0.01, fmr_upper=0.011, fnmr=0.1, impostor_pairs=9000, genuine_pairs=900,
    false_matches=90,
)  # fmt: skip
MADE = Calibration(
    threshold=0.7, target_fmr=0.01, card_threshold=0.5, people=10, pairs=45, false_matches=0, fmr_upper=0.07,
    samples=50, false_non_matches=1, made_at=1e9,
)  # fmt: skip


def crowd(seed: int, people: int, length: int = 16) -> dict[str, np.ndarray]:
    """People of one to four templates each."""
    draw = np.random.default_rng(seed)
    found = {}
    for number in range(people):
        rows = draw.normal(size=length) + 0.4 * draw.normal(size=(draw.integers(1, 5), length))
        found[f"p{number}"] = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return found


@LAW
@given(
    st.integers(0, 10**6),
    st.integers(2, 12),
    st.sampled_from(["mean", "best"]),
    st.floats(0.001, 0.5),
    st.floats(-1, 0.9),
)
def test_the_threshold_is_what_the_pairs_need_and_never_below_the_cards(
    seed: int, people: int, score: str, target: float, card: float
) -> None:
    rows = crowd(seed, people)
    enrolled = Enrolled.of(rows, score=score)
    names = list(rows)
    of = {"mean": np.mean, "best": np.max}[score]
    looped = np.array(
        [
            max(max(of(rows[b] @ probe) for probe in rows[a]), max(of(rows[a] @ probe) for probe in rows[b]))
            for i, a in enumerate(names)
            for b in names[i + 1 :]
        ]
    )
    first, second = np.triu_indices(people, k=1)
    np.testing.assert_allclose(pair_similarities(enrolled)[first, second], looped, atol=1e-5)
    try:
        found = calibrate_at_home(enrolled, replace(POINT, threshold=card), target)
    except GalleryError:
        # No threshold tells these people apart and still knows them.
        assert 2 * np.count_nonzero(own_similarities(enrolled) < looped.max()) >= own_similarities(enrolled).size
        return
    made = found.calibration
    assert made.threshold >= card == made.card_threshold
    assert made.threshold == card or 2 * made.false_non_matches <= made.samples
    assert made.pairs == people * (people - 1) // 2
    assert made.false_matches <= target * made.pairs + 1e-6
    assert made.false_matches == np.count_nonzero(pair_similarities(enrolled)[first, second] >= made.threshold)
    assert made.fmr_upper == proportion_upper_bound(made.false_matches, made.pairs)
    assert found.nearest[2] == pytest.approx(looped.max(), abs=1e-5)
    own = [
        of(np.delete(person, at, axis=0) @ probe)
        for person in rows.values()
        for at, probe in enumerate(person)
        if len(person) > 1
    ]
    np.testing.assert_allclose(own_similarities(enrolled), own, atol=1e-5)
    # A looser target never needs a higher threshold.
    looser = calibrate_at_home(enrolled, replace(POINT, threshold=card), min(0.9, 2 * target))
    assert looser.calibration.threshold <= made.threshold
    assert Calibration.from_bytes(made.to_bytes()) == made


def test_what_few_people_can_and_cannot_say() -> None:
    said = "\n".join(in_words(calibrate_at_home(Enrolled.of(crowd(3, 10)), POINT, 0.01)))
    assert "0 of 45 pairs of 10 people" in said
    assert "10 people cannot show an FMR of 0.01: that needs 299 pairs without a match, 25 people" in said
    assert "of 9000 pairs" in said
    assert "nothing of strangers" in said
    many = calibrate_at_home(Enrolled.of(crowd(3, 60)), replace(POINT, threshold=0.98), 0.01)
    assert "themselves show" in "\n".join(in_words(many))
    assert proportion_upper_bound(0, pairs_needed(0.001)) <= 0.001 < proportion_upper_bound(0, pairs_needed(0.001) - 1)
    assert people_needed(0.01) * (people_needed(0.01) - 1) // 2 >= pairs_needed(0.01)


def test_who_cannot_be_told_apart_is_named() -> None:
    for count in (1, 2):
        people = {name: rows[:count] for name, rows in crowd(1, 4).items()}
        people["again"] = people["p2"]
        with pytest.raises(GalleryError, match=r"'p2' and 'again'.*one person under two names"):
            calibrate_at_home(Enrolled.of(people), POINT, 0.01)
    with pytest.raises(GalleryError, match="at least two"):
        calibrate_at_home(Enrolled.of(crowd(1, 1)), POINT, 0.01)
    with pytest.raises(UsageError, match="between 0 and 1"):
        calibrate_at_home(Enrolled.of(crowd(1, 3)), POINT, 1.0)


def test_a_large_gallery_is_sampled_the_same_way_each_time() -> None:
    rows = np.eye(8, dtype=np.float32)
    people = {f"p{n}": rows[n % 8 : n % 8 + 1] for n in range(MAX_PEOPLE + 3)}
    with pytest.raises(GalleryError, match="one person under two names"):
        calibrate_at_home(Enrolled.of(people), POINT, 0.01)


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b"\xff", b'{"calibration": {}}', MADE.to_bytes().replace(b"0.7", b"0.4"),
             MADE.to_bytes().replace(b"0.7", b"NaN"), MADE.to_bytes().replace(b"45", b'"x"')],
)  # fmt: skip
def test_what_is_no_calibration_is_none(data: bytes) -> None:
    assert Calibration.from_bytes(data) is None


def test_it_is_sealed_and_outlives_changes_of_the_gallery(tmp_path: Path) -> None:
    path = tmp_path / "g.db"
    with Gallery.open(path, SPACE, create=True) as gallery:
        assert read_calibration(gallery) is None
        gallery.enrol("Ann", unit(1, 2))
        write_calibration(gallery, MADE)
        gallery.enrol("Bob", unit(3))
        gallery.remove("Ann")
        rekey(gallery)
        assert read_calibration(gallery) == MADE
    assert b"target_fmr" not in path.read_bytes()
    with Gallery.open(path) as gallery:
        assert read_calibration(gallery) == MADE
        with gallery.file.writing() as change:
            change.notes = b"of a later version"
        with pytest.raises(GalleryError, match="siamlite calibrate"):
            read_calibration(gallery)
        write_calibration(gallery, None)
        assert read_calibration(gallery) is None
    assert OTHER_SPACE != SPACE
    assert Seal.from_bytes(Seal(notes=b"x").to_bytes()) == Seal(notes=b"x")


def test_it_raises_the_cards_threshold_and_never_lowers_it(tower: Tower) -> None:
    needs_the_cards_thresholds(tower)
    one, policy = Enrolled.of({"Ann": np.eye(1, 64, dtype=np.float32)}), DecisionPolicy()
    card = {point.target_fmr: point.threshold for point in tower.card.thresholds}
    high = replace(MADE, threshold=0.9)
    low = replace(MADE, threshold=card[0.01] - 0.1, card_threshold=0.1)
    raised = choose_threshold(tower, one, policy, calibration=high)
    assert (raised.value, raised.raised_from) == (0.9, card[0.01])
    assert f"calibrated; the card's is {card[0.01]:.3f}" in raised.words
    assert choose_threshold(tower, one, policy, calibration=low).value == card[0.01]
    assert choose_threshold(tower, one, policy, calibration=high, target_fmr=0.001).value == 0.9
    # Who asks for a looser rate than it was made for gets what the card says.
    assert choose_threshold(tower, one, policy, calibration=high, target_fmr=0.1).value == card[0.1]
    assert choose_threshold(tower, one, policy, calibration=high, threshold=0.2).value == 0.2
    assert card_point(tower, 0.05).threshold == card[0.01]
    with pytest.raises(UsageError, match="needs a threshold"):
        card_point(tower, 1e-6)


def test_the_command(
    siamlite: Command, tiny_tower_path: Path, gallery_path: Path, people: Callable[[str, int, int], Path],
    finder: FaceFinder, tower: Tower,
) -> None:  # fmt: skip
    needs_the_cards_thresholds(tower)
    place = ["--tower", tiny_tower_path, "--gallery", gallery_path]
    assert "at least two people" in siamlite.fails(3, "calibrate", *place)
    for name in ("s5", "s7", "s12"):
        assert siamlite("enroll", name, "--allow-duplicate", "--source", people(name, 1, 4), *place)[0] == 0
    code, out, err = siamlite("calibrate", "--fmr", 0.1, "--dry-run", *place)
    assert (code, "of 6 pairs of 4 people" in out, "nothing was kept" in err) == (0, True, True)
    assert "no calibration" in siamlite("calibrate", "--show", *place)[1]
    code, out, _ = siamlite("calibrate", "--fmr", 0.1, "--json", *place)
    made = json.loads(out)
    assert (code, made["kept"], made["pairs"], made["people"]) == (0, True, 6, 4)
    assert made["threshold"] >= made["card_threshold"]
    shown = json.loads(siamlite("calibrate", "--show", "--json", *place)[1])
    assert (shown["calibration"]["threshold"], shown["people_now"]) == (made["threshold"], 4)
    code, out, _ = siamlite("verify", GENUINE, "--fmr", 0.1, "--json", "--source", people(GENUINE, 6, 10), *place)
    assert json.loads(out)["threshold"] == pytest.approx(made["threshold"], abs=1e-4)
    assert siamlite("calibrate", "--clear", *place)[0] == 0
    assert "no calibration" in siamlite("calibrate", "--show", *place)[1]
    assert "--fmr" in siamlite.fails(2, "calibrate", "--show", "--fmr", 0.1, *place)
