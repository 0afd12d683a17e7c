"""Decisions, lists of pairs, one-shot trials, retrieval, groups and worst pairs against independent computations."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pytest

from edge_runtime.errors import DataError, UsageError
from edge_runtime.images import decode_image
from edge_runtime.measures.metrics import count_pairs, pair_scores, unit_rows
from train.data.faces import FaceSet
from train.data.pairs import ResolvedPairs
from train.measure.cohorts import measure_cohorts, read_tags
from train.measure.data import draw_pictures
from train.measure.decisions import decide
from train.measure.folds import best_threshold, measure_pairs
from train.measure.retrieval import measure_retrieval
from train.measure.shots import measure_shots, usual_ways
from train.measure.worst import draw_worst, find_worst


def some(people: int = 12, each: int = 5, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(people), each)
    return rng.normal(size=(people, 8))[labels] + 0.9 * rng.normal(size=(labels.size, 8)), labels


def face_set(labels: np.ndarray) -> FaceSet:
    people = tuple(f"p{person}" for person in range(int(labels.max()) + 1))
    names = tuple(f"{people[label]}/{row}.png" for row, label in enumerate(labels))
    pixels = np.random.default_rng(0).integers(0, 256, (labels.size, 16, 16, 1), dtype=np.uint8)
    return FaceSet(people=people, pixels=pixels, labels=labels, names=names, hashes=names, skipped=(), template=None)


def cosines(rows: np.ndarray) -> np.ndarray:
    unit = unit_rows(rows).astype(np.float64)
    return unit @ unit.T


@pytest.mark.parametrize("balanced", [True, False])
def test_decisions_are_those_of_scikit_learn(balanced: bool) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    scores = pair_scores(*some())
    truth = np.concatenate([np.ones(scores.genuine.size), np.zeros(scores.impostor.size)])
    given = np.concatenate([scores.genuine, scores.impostor]) >= 0.5
    weights = np.where(truth == 1, 1 / scores.genuine.size, 1 / scores.impostor.size) if balanced else None
    found = decide(scores, 0.5, "test").quality(balanced=balanced)
    for name, function in (
        ("accuracy", metrics.accuracy_score),
        ("precision", metrics.precision_score),
        ("recall", metrics.recall_score),
        ("f1", metrics.f1_score),
    ):
        assert found[name] == pytest.approx(function(truth, given, sample_weight=weights)), name


def test_a_threshold_that_accepts_nothing_has_no_precision() -> None:
    found = decide(pair_scores(*some()), 2.0, "test")
    assert found.quality(balanced=True) == {"accuracy": 0.5, "precision": 0.0, "recall": 0.0, "f1": 0.0}


def listed(scores: list[tuple[float, bool, int]]) -> tuple[np.ndarray, ResolvedPairs]:
    """Embeddings whose pairs have the given cosines: each pair is a unit vector and one turned from it."""
    rows = [row for score, _, _ in scores for row in ((1.0, 0.0), (score, math.sqrt(1 - score**2)))]
    pairs = ResolvedPairs(
        left=np.arange(0, len(rows), 2),
        right=np.arange(1, len(rows), 2),
        genuine=np.array([genuine for _, genuine, _ in scores]),
        folds=np.array([fold for _, _, fold in scores]),
        missing=("a/1",),
    )
    return np.array(rows), pairs


def test_lfw_folds_by_hand() -> None:
    rows, pairs = listed(
        [
            (0.6, True, 0), (0.4, False, 0),
            (0.4, True, 1), (0.2, False, 1),
            (0.5, True, 2), (0.3, False, 2),
        ]
    )  # fmt: skip
    found = measure_pairs(rows, pairs, threshold=0.45)
    # Fold 0: others 0.4, 0.5 genuine, 0.2, 0.3 impostor: threshold 0.35; right on 0.6, wrong on 0.4.
    # Fold 1: others 0.6, 0.5 genuine, 0.4, 0.3 impostor: threshold 0.45; wrong on 0.4, right on 0.2.
    # Fold 2: others 0.6, 0.4 genuine, 0.4, 0.2 impostor: 3 of 4 are right with 0.3 (accepting both 0.4) and with 0.5
    # (rejecting both); the lower of the two middle ones is taken: 0.3 or just above the impostor itself.
    np.testing.assert_allclose(found.fold_thresholds[:2], [0.35, 0.45], atol=1e-6)
    assert found.fold_thresholds[2] == pytest.approx(0.3, abs=1e-6)
    assert found.fold_accuracies[:2] == (0.5, 0.5)
    assert found.accuracy == pytest.approx(np.mean(found.fold_accuracies))
    assert found.standard_error == pytest.approx(np.std(found.fold_accuracies, ddof=1) / math.sqrt(3))
    assert found.accuracy_at_threshold == pytest.approx(5 / 6)
    assert (found.pairs, found.genuine_pairs, found.missing) == (6, 3, 1)
    assert found.auc == pytest.approx(8.5 / 9)


def test_a_plain_list_has_no_folds() -> None:
    rows, pairs = listed([(0.9, True, 0), (0.1, False, 0)])
    found = measure_pairs(rows, pairs)
    assert (found.accuracy, found.standard_error, found.accuracy_at_threshold) == (None, None, None)
    rows, pairs = listed([(0.9, True, 0), (0.1, True, 0)])
    with pytest.raises(DataError, match="one kind"):
        measure_pairs(rows, pairs)


def test_the_best_threshold_is_the_best_of_all() -> None:
    rng = np.random.default_rng(1)
    for _ in range(50):
        scores, genuine = rng.integers(0, 8, 20) / 8, rng.random(20) < 0.5
        candidates = np.concatenate([[-1], (np.arange(8) + 0.5) / 8])
        best = max(np.mean((scores >= candidate) == genuine) for candidate in candidates)
        assert np.mean((scores >= best_threshold(scores, genuine)) == genuine) == best


def test_one_shot_trials_by_loops() -> None:
    rows, labels = some(people=8, each=4)
    similar = cosines(rows)
    found = measure_shots(rows, labels, ways=8, shots=1, trials=4000, seed=3)
    # With all people as ways, the chance of a query is the share of example draws in which its own beats all others'.
    chances = []
    for query in range(len(labels)):
        mine = [row for row in np.flatnonzero(labels == labels[query]) if row != query]
        beaten = []
        for example in mine:
            share = 1.0
            for person in set(labels.tolist()) - {labels[query]}:
                others = np.flatnonzero(labels == person)
                share *= np.mean(similar[query, others] < similar[query, example])
            beaten.append(share)
        chances.append(np.mean(beaten))
    assert found.accuracy == pytest.approx(np.mean(chances), abs=3 * math.sqrt(0.25 / 4000))
    assert found.interval[0] < found.accuracy < found.interval[1]
    assert found == measure_shots(rows, labels, ways=8, shots=1, trials=4000, seed=3)


def test_more_shots_are_their_mean() -> None:
    # The query's class has one good and one bad example; their mean loses against a class of two middling ones.
    rows = np.array([[1, 0.0], [0.99, 0.1], [-0.2, 1], [0.75, 0.66], [0.75, -0.66]])
    labels = np.array([0, 0, 0, 1, 1])
    wrong = measure_shots(rows, labels, ways=2, shots=2, trials=60, seed=0)
    similar = cosines(rows)
    chances = []
    for query in range(3):
        mine = [row for row in range(3) if row != query]
        chances.append(similar[query, mine].mean() > similar[query, [3, 4]].mean())
    assert wrong.accuracy == pytest.approx(np.mean(chances), abs=0.25)
    assert set(chances) == {True, False}


def test_trials_that_the_data_cannot_give() -> None:
    rows, labels = some(people=5, each=2)
    assert usual_ways(labels) == 5
    assert usual_ways(labels, shots=2) == 0
    for words in ({"ways": 6}, {"ways": 2, "shots": 2}, {"ways": 1}, {"ways": 2, "trials": 0}):
        with pytest.raises(UsageError, match="ways"):
            measure_shots(rows, labels, **words)


def test_retrieval_is_that_of_scikit_learn_and_loops() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rows, labels = some(people=10, each=4)
    labels[-3:] = [10, 11, 12]
    similar = cosines(rows)
    precisions, ranks = [], []
    for query in range(len(labels)):
        others = [row for row in range(len(labels)) if row != query]
        same = labels[others] == labels[query]
        if same.any():
            precisions.append(metrics.average_precision_score(same, similar[query, others]))
            order = np.argsort(-similar[query, others])
            ranks.append(int(np.flatnonzero(same[order])[0]) + 1)
    found = measure_retrieval(rows, labels)
    assert found is not None
    assert found.queries == len(ranks) == 36
    assert found.mean_average_precision == pytest.approx(np.mean(precisions))
    assert found.recall_at == tuple((k, pytest.approx(np.mean(np.array(ranks) <= k))) for k in (1, 5, 10))
    assert measure_retrieval(rows[:3], np.array([0, 1, 2])) is None


def write_tags(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_groups_by_loops(tmp_path: Path) -> None:
    rows, labels = some(people=12, each=4)
    faces = face_set(labels)
    tags = write_tags(
        tmp_path / "tags.csv", "person,side", *(f"p{n},{'left' if n < 7 else 'right'}" for n in range(11)), "p11,"
    )
    found = measure_cohorts(rows, labels, read_tags(tags, faces), 0.5, min_impostor=200, min_genuine=20)
    similar = cosines(rows)
    for cohort, people in zip(found.rows, (range(7), range(7, 11)), strict=True):
        inside = np.flatnonzero(np.isin(labels, list(people)))
        pairs = [(similar[i, j] >= 0.5, labels[i] == labels[j]) for i, j in itertools.combinations(inside, 2)]
        impostor, genuine = [a for a, same in pairs if not same], [a for a, same in pairs if same]
        assert (cohort.people, cohort.pictures) == (len(people), len(people) * 4)
        assert (cohort.impostor_pairs, cohort.genuine_pairs) == (len(impostor), len(genuine))
        assert cohort.fnmr == pytest.approx(1 - np.mean(genuine))
        assert cohort.fmr == (pytest.approx(np.mean(impostor)) if len(impostor) >= 200 else None)
    assert [row.value for row in found.rows] == ["left", "right"]
    left, right = found.rows
    assert (right.impostor_pairs, right.fmr, right.fmr_interval) == (96, None, None)
    ratios = found.ratios()["side"]
    assert ratios["fmr"] is None
    assert left.fnmr is not None
    assert right.fnmr is not None
    assert ratios["fnmr"] == pytest.approx(max(left.fnmr, right.fnmr) / min(left.fnmr, right.fnmr))


def test_tags_of_pictures_and_what_is_no_tags_file(tmp_path: Path) -> None:
    faces = face_set(np.repeat(np.arange(3), 2))
    tags = read_tags(write_tags(tmp_path / "a.csv", "picture,light,glasses", "p0/0.jpg,dark,", "p1/2,dark,yes"), faces)
    assert tags == {"light": ("dark", "", "dark", "", "", ""), "glasses": ("", "", "yes", "", "", "")}
    for lines in (["who,side", "p0,x"], ["person"], ["person,side", "q0,x"], ["person,side", "p0,x", "p0,y"], []):
        with pytest.raises(DataError):
            read_tags(write_tags(tmp_path / "b.csv", *lines), faces)
    with pytest.raises(DataError, match="cannot read"):
        read_tags(tmp_path / "missing.csv", faces)


def test_the_worst_pairs_are_the_worst() -> None:
    rows, labels = some(people=90, each=4, seed=2)
    similar, faces = cosines(rows), face_set(labels)
    found = find_worst(rows, faces, 0.5, each=5)
    pairs = [(similar[i, j], i, j) for i, j in itertools.combinations(range(len(labels)), 2)]
    impostors = sorted((p for p in pairs if labels[p[1]] != labels[p[2]]), reverse=True)[:5]
    genuine = sorted(p for p in pairs if labels[p[1]] == labels[p[2]])[:5]
    assert [pair.rows for pair in found] == [(i, j) for _, i, j in (*impostors, *genuine)]
    for pair, (score, i, j) in zip(found, (*impostors, *genuine), strict=True):
        assert (pair.left, pair.right) == (faces.names[i], faces.names[j])
        assert pair.similarity == pytest.approx(score)
        unit = unit_rows(rows)
        assert pair.distance == pytest.approx(np.linalg.norm(unit[i] - unit[j]), abs=1e-6)
        assert pair.wrong == ((score >= 0.5) != (labels[i] == labels[j]))
    sheet = decode_image(draw_worst(found, faces), name="sheet")
    # Below the title stand the pictures, side by side in a frame that says whether the verdict was right.
    first = sheet[38:150, 10:122]
    assert abs(float(first.mean()) - float(faces.pixels[found[0].rows[0]].mean())) < 3
    for place, pair in enumerate(found[:3]):
        red, green, _ = (int(value) for value in sheet[34, 6 + 246 * place])
        assert (red > green) == pair.wrong


def test_pictures_are_drawn_evenly() -> None:
    labels = np.repeat(np.arange(6), [40, 40, 5, 3, 2, 1])
    faces = face_set(labels)
    drawn = draw_pictures(faces, 31, seed=1)
    assert np.bincount(drawn.labels).tolist() in ([10, 10, 5, 3, 2, 1], [11, 9, 5, 3, 2, 1])
    assert len(drawn.labels) == 31
    assert drawn.names == draw_pictures(faces, 31, seed=1).names
    assert drawn.names != draw_pictures(faces, 31, seed=2).names
    few = draw_pictures(faces, 8, seed=1)
    assert len(few.people) == 4
    assert len(few.labels) <= 8


def test_large_sets_need_little_memory() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(400), 10)
    rows = (rng.normal(size=(400, 16))[labels] + rng.normal(size=(4000, 16))).astype(np.float32)
    counts = count_pairs(rows, labels)
    assert counts.genuine_pairs + counts.impostor_pairs == 4000 * 3999 // 2
    assert counts.values.size <= 2**20 + 1
