"""Error rates, bins and lists of benchmarks.towers: pure parts against plain loops."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.towers.acquire import head_turn
from benchmarks.towers.bins import by_measure, by_source
from benchmarks.towers.figures import figures, on_a_sphere
from benchmarks.towers.frames import HEIGHT, WIDTH, paste
from benchmarks.towers.pictures import picture_key, read_descriptors, read_sources
from edge_runtime.errors import DataError
from edge_runtime.faces.align import DEFAULT_TEMPLATE


def clusters(people: int, each: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows of about the same length around a centre for each person, and whose they are."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(people), each)
    rows = rng.normal(size=(people, 16))[labels] + rng.normal(scale=0.9, size=(people * each, 16))
    return rows.astype(np.float32), labels


def exact_distances(rows: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Euclidean distances of genuine and of impostor pairs."""
    first, second = np.triu_indices(len(rows), k=1)
    distances = np.linalg.norm(rows[first].astype(np.float64) - rows[second], axis=1)
    same = labels[first] == labels[second]
    return distances[same], distances[~same]


def test_figures_by_distance_are_those_of_the_distances() -> None:
    rows, labels = clusters(30, 4)
    genuine, impostor = exact_distances(rows, labels)
    found = figures(on_a_sphere(rows), labels)
    auc = np.mean(genuine[:, None] < impostor[None])
    assert found["auc"]["value"] == pytest.approx(auc, abs=2e-4)
    limit = np.sort(impostor)[int(0.01 * impostor.size) - 1]
    assert found["tar_at_far"]["0.01"]["value"] == pytest.approx(np.mean(genuine <= limit), abs=0.01)
    assert found["tar_at_far"]["0.0001"] == {"value": None, "interval": None}
    assert found["eer"]["interval"][0] <= found["eer"]["value"] <= found["eer"]["interval"][1]
    assert (found["genuine_pairs"], found["impostor_pairs"]) == (genuine.size, impostor.size)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.floats(0.01, 100))
def test_cosines_on_the_sphere_tell_the_distance(seed: int, size: float) -> None:
    rows = np.random.default_rng(seed).normal(scale=size, size=(12, 5))
    lifted = on_a_sphere(rows)
    assert np.linalg.norm(lifted, axis=1) == pytest.approx(1)
    first, second = np.triu_indices(12, k=1)
    true = np.linalg.norm(rows[first] - rows[second], axis=1)
    here = np.linalg.norm(lifted[first] - lifted[second], axis=1)
    ratio = here / true
    assert ratio.max() / ratio.min() < 1.03


def test_few_people_have_no_interval() -> None:
    rows, labels = clusters(5, 3)
    assert figures(rows, labels)["eer"]["interval"] is None


def cosine_errors(rows: np.ndarray, labels: np.ndarray, bins: np.ndarray, at: int, threshold: float) -> list[int]:
    """Genuine and impostor pairs whose worse bin is this one, and how many of each are judged wrongly; by a loop."""
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    held = [0, 0, 0, 0]
    for i in range(len(rows)):
        for j in range(i):
            if max(bins[i], bins[j]) == at:
                accepted = float(unit[i] @ unit[j]) >= threshold
                same = labels[i] == labels[j]
                held[0 if same else 1] += 1
                held[2 if same else 3] += accepted != same
    return held


def test_a_pair_counts_in_the_quarter_of_its_worse_picture() -> None:
    rows, labels = clusters(12, 4)
    values = np.random.default_rng(1).uniform(20, 80, size=len(rows))
    found = by_measure(rows, labels, values, 0.3, name="face size")["rows"]
    small_first = np.searchsorted(np.quantile(values, [0.25, 0.5, 0.75]), values, side="right")
    assert [row["pictures"] for row in found] == [12, 12, 12, 12]
    assert found[0]["bin"].endswith("and more")
    assert found[-1]["bin"].startswith("under")
    for at, row in enumerate(found):
        genuine, impostor, rejected, accepted = cosine_errors(rows, labels, 3 - small_first, at, 0.3)
        assert (row["genuine_pairs"], row["impostor_pairs"]) == (genuine, impostor)
        assert row["fnmr"] == (pytest.approx(rejected / genuine) if genuine else None)
        assert row["fmr"] == pytest.approx(accepted / impostor)
    assert sum(row["genuine_pairs"] for row in found) == 12 * 6


def test_pairs_of_two_source_sets_have_a_row_of_their_own() -> None:
    rows, labels = clusters(6, 4)
    sources = ["a" if label < 4 else "b" for label in labels]
    found = by_source(rows, labels, sources, 0.3)["rows"]
    assert [row["bin"] for row in found] == ["a", "b", "two sets"]
    assert [row["genuine_pairs"] for row in found] == [4 * 6, 2 * 6, 0]
    assert [row["impostor_pairs"] for row in found] == [6 * 16, 16, 8 * 16]
    assert found[2]["fnmr"] is None
    assert [row["bin"] for row in by_source(rows, labels, ["a"] * 24, 0.3)["rows"]] == ["a"]


def test_the_turn_is_none_from_the_front_and_grows_to_either_side() -> None:
    front = np.array([[30, 40], [70, 40], [50, 60], [50, 80]], dtype=np.float32)
    assert head_turn(front) == 0
    nose = np.array([[0, 0], [0, 0], [6, 0], [0, 0]], dtype=np.float32)
    assert head_turn(front + nose) == pytest.approx(0.15) == head_turn(front - nose)
    turned = front @ np.array([[0.8, 0.6], [-0.6, 0.8]], dtype=np.float32)
    assert head_turn(turned) == pytest.approx(0, abs=1e-6)
    assert head_turn(DEFAULT_TEMPLATE.pixels(112)) < 0.02


def test_a_pasted_picture_lies_where_it_is_said() -> None:
    picture = np.full((112, 92, 3), 255, dtype=np.uint8)
    frame, (left, top, right, bottom) = paste(picture, 224, np.random.default_rng(0))
    assert frame.shape == (HEIGHT, WIDTH, 3)
    assert (bottom - top, right - left) == (224, 184)
    assert frame[top:bottom, left:right].min() == 255
    assert (frame == 255).sum() == 224 * 184 * 3
    wide, box = paste(np.zeros((50, 400, 3), dtype=np.uint8), 448, np.random.default_rng(0))
    assert wide.shape == (HEIGHT, WIDTH, 3)
    assert box[2] - box[0] == WIDTH


def test_lists_are_joined_by_person_and_picture(tmp_path: Path) -> None:
    assert picture_key("some/where/p1/000.webp") == "p1/000" == picture_key("p1/000.png")
    index = tmp_path / "index.csv"
    index.write_text("path,source\nlabelled/p1/000.webp,one\nother/p9/000.webp,two\n")
    assert read_sources(index, ["p1/000", "p1/001"]) == ["one", "unknown"]
    file = tmp_path / "other.npz"
    paths = np.array(["labelled/p1/000.webp", "x/p9/000.webp", "x/p9/001.webp"])
    np.savez(file, path=paths, descriptor=np.array([[1, 2], [3, 4], [5, 8]], dtype=np.float16))
    rows, centre = read_descriptors(file, ["p1/001", "p1/000"])
    assert np.isnan(rows[0]).all()
    assert rows[1].tolist() == [1, 2]
    assert centre.tolist() == [4, 6]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "path,source"),
        ("file,set\np1/000.webp,one\n", "path,source"),
        ("path,source\np1/000.webp\n", "two fields"),
        ("path,source\np2/000.webp,one\n", "none of the pictures"),
        ("path,source\na/p1/000.webp,one\nb/p1/000.webp,two\n", "twice"),
    ],
)
def test_a_wrong_index_is_one_error(tmp_path: Path, text: str, said: str) -> None:
    index = tmp_path / "index.csv"
    index.write_text(text)
    with pytest.raises(DataError, match=said):
        read_sources(index, ["p1/000"])
    with pytest.raises(DataError, match="cannot read"):
        read_sources(tmp_path / "none.csv", ["p1/000"])


def test_wrong_descriptors_are_one_error(tmp_path: Path) -> None:
    file = tmp_path / "other.npz"
    with pytest.raises(DataError, match="cannot read"):
        read_descriptors(file, ["p1/000"])
    file.write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(DataError, match="cannot read"):
        read_descriptors(file, ["p1/000"])
    np.savez(file, path=np.array(["p1/000"]))
    with pytest.raises(DataError, match="path and descriptor"):
        read_descriptors(file, ["p1/000"])
    np.savez(file, path=np.array(["p1/000"], dtype=object), descriptor=np.ones((1, 2)))
    with pytest.raises(DataError, match="cannot read"):
        read_descriptors(file, ["p1/000"])
    np.savez(file, path=np.array(["p1/000", "p2/000"]), descriptor=np.ones((1, 2)))
    with pytest.raises(DataError, match="n texts"):
        read_descriptors(file, ["p1/000"])
    np.savez(file, path=np.array(["p1/000"]), descriptor=np.array([[np.nan, 1]]))
    with pytest.raises(DataError, match="finite"):
        read_descriptors(file, ["p1/000"])
    np.savez(file, path=np.array(["p2/000"]), descriptor=np.ones((1, 2)))
    with pytest.raises(DataError, match="none of the pictures"):
        read_descriptors(file, ["p1/000"])
