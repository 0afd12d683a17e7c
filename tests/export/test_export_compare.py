"""Comparing tower files: what every tower gets to see, what is scored, what is said, and what is written."""

from __future__ import annotations

import csv
import json
import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_runtime.faces.align import AlignmentTemplate
from edge_runtime.images import read_image, write_image
from edge_runtime.machine.memory import peak_bytes
from edge_runtime.measures.metrics import count_pairs, equal_error_rate, pair_scores, point_at, roc_auc, tar_at_far
from edge_runtime.people import write_faces_mark
from edge_runtime.towers.bundle import pack_bundle, read_bundle
from edge_runtime.towers.tower import Tower
from export.cli import main
from export.commands.compare import FILES
from export.comparison.accuracy import Estimate
from export.comparison.pictures import training_sha256
from export.comparison.plot import draw_comparison, text_box
from export.comparison.race import dominated, latencies, median_interval, ratio_interval, turns
from export.comparison.run import CompareOptions, compare_towers
from export.comparison.towers import display_names
from export.pictures.crops import list_files
from export.quiet import import_tensorflow, quiet_tensorflow

TRAIN = [f"s{i}" for i in range(1, 9)]
VALIDATION = [f"s{i}" for i in range(9, 15)]
CopyPeople = Callable[..., Path]
MakeRun = Callable[..., Path]
Said = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def small_run(faces: Path, run_writer: MakeRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with an untrained tower of another size and colour."""
    _, keras = import_tensorflow()
    with quiet_tensorflow():
        keras.utils.set_random_seed(3)
        image = keras.Input((32, 32, 3))
        values = keras.layers.Conv2D(8, 3, strides=2, activation="relu")(image)
        values = keras.layers.Conv2D(16, 3, strides=2, activation="relu")(values)
        values = keras.layers.Dense(32)(keras.layers.Flatten()(values))
        tower = keras.Model(image, values)
    spec = {"size_px": 32, "colour": "rgb", "scale": 1 / 127.5, "offset": -1.0}
    return run_writer(tmp_path_factory.mktemp("small") / "run", tower, faces, input=spec)


@pytest.fixture(scope="module")
def towers(
    faces: Path, tower_file: Path, small_run: Path, run_writer: MakeRun, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder with ``int8.tflite`` and ``float32.tflite`` of one tower, ``small.tflite`` of another."""
    folder = tmp_path_factory.mktemp("towers")
    run = run_writer(folder / "run", tower_file, faces)
    for name, source, recipe in (("int8", run, "int8"), ("float32", run, "float32"), ("small", small_run, "float32")):
        words = ["convert", str(source), "--representative", str(faces), "--out", str(folder / f"{name}.tflite")]
        assert main([*words, "--recipe", recipe]) == 0
    return folder


@pytest.fixture
def strangers(copy_people: CopyPeople) -> Path:
    """Prepared faces of people whom no tower was trained on."""
    return copy_people("strangers", VALIDATION)


def _compare(*words: str | Path) -> int:
    return main(["compare", *map(str, words), "--repeats", "10"])


def _found(capsys: Said, *words: str | Path) -> dict[str, Any]:
    capsys.readouterr()
    assert _compare(*words, "--json") == 0
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    return dict(json.loads(out))


def _error(capsys: Said, code: int, *words: str | Path) -> str:
    capsys.readouterr()
    assert _compare(*words) == code
    said = capsys.readouterr()
    errors = [line for line in said.err.splitlines() if line.startswith("error: ")]
    assert (len(errors), said.out) == (1, "")
    assert said.err.splitlines()[-1] == errors[0]
    assert "unexpected" not in errors[0]
    return errors[0]


def _crops(folder: Path, size_px: int) -> tuple[np.ndarray, np.ndarray]:
    """The faces of a prepared folder and whose each is, read without the command's own reader."""
    crops, labels = [], []
    for number, person in enumerate(VALIDATION):
        for file in sorted((folder / person).iterdir(), key=lambda path: int(path.stem)):
            crops.append(read_image(file))
            labels.append(number)
    assert crops[0].shape[0] == size_px
    return np.stack(crops), np.array(labels)


def test_the_figures_are_those_of_the_metrics_on_each_towers_own_embeddings(
    towers: Path, strangers: Path, capsys: Said
) -> None:
    paths = [towers / "float32.tflite", towers / "int8.tflite"]
    found = _found(capsys, *paths, "--data", strangers)
    crops, labels = _crops(strangers, 48)
    assert (found["pictures"]["people"], found["pictures"]["pictures"]) == (len(VALIDATION), len(labels))
    eers = []
    for path, values in zip(paths, found["towers"], strict=True):
        tower = Tower.load(path)
        rows = tower.embed(crops)
        scores = pair_scores(rows, labels)
        assert found["pictures"]["genuine_pairs"] == scores.genuine_pairs
        assert found["pictures"]["impostor_pairs"] == scores.impostor_pairs
        eers.append(equal_error_rate(scores)[0])
        assert values["accuracy"]["eer"]["value"] == pytest.approx(eers[-1], abs=1e-6)
        assert values["accuracy"]["auc"]["value"] == pytest.approx(roc_auc(scores), abs=1e-6)
        for far in (0.1, 0.01, 0.001):
            estimate = values["accuracy"]["tar_at_far"][f"{far:g}"]
            assert estimate["value"] == pytest.approx(tar_at_far(scores, far), abs=1e-6)
        card = tower.card.operating_point()
        own = point_at(scores, card.threshold, target_fmr=card.target_fmr)
        assert values["at_own_threshold"]["false_matches"] == own.false_matches
        assert values["at_own_threshold"]["fnmr"] == pytest.approx(own.fnmr)
        assert values["fingerprint"] == tower.fingerprint
        assert values["model_bytes"] == len(read_bundle(path).flatbuffer)
        assert values["file_bytes"] == path.stat().st_size > values["model_bytes"]
        assert count_pairs(rows, labels).genuine_pairs == scores.genuine_pairs
    first, second = found["towers"]
    assert first["difference_to_first"] is None
    assert second["difference_to_first"]["eer"]["value"] == pytest.approx(eers[1] - eers[0], abs=2e-6)
    assert (first["latency"]["ratio_to_first"], first["latency"]["ratio_interval"]) == (1, [1, 1])
    assert second["latency"]["runs"] == len(labels)


def test_a_tower_of_another_size_sees_the_same_pictures_reduced(towers: Path, strangers: Path, capsys: Said) -> None:
    found = _found(capsys, towers / "int8.tflite", towers / "small.tflite", "--data", strangers)
    assert [values["input"]["size_px"] for values in found["towers"]] == [48, 32]
    alone = _found(capsys, towers / "small.tflite", towers / "small.tflite", "--data", strangers)
    assert alone["towers"][0]["accuracy"] == found["towers"][1]["accuracy"]
    assert alone["pictures"] == found["pictures"]


def test_one_file_twice_differs_in_nothing_and_is_named(towers: Path, strangers: Path, capsys: Said) -> None:
    path = towers / "int8.tflite"
    found = _found(capsys, path, path, "--data", strangers)
    first, second = found["towers"]
    assert [first["name"], second["name"]] == ["int8", "int8 (2)"]
    assert first["accuracy"] == second["accuracy"]
    assert second["difference_to_first"]["eer"]["value"] == 0
    assert found["slower_and_worse"] == []
    assert any("int8 and int8 (2) are the same file" in note for note in found["notes"])
    assert any("does not say whom it was trained on" in note for note in found["notes"])
    assert any("6 people are too few for intervals" in note for note in found["notes"])
    assert first["accuracy"]["eer"]["interval"] is None


def test_enough_people_give_intervals_that_hold_the_estimate(
    towers: Path, copy_people: CopyPeople, capsys: Said
) -> None:
    everybody = copy_people("everybody", TRAIN + VALIDATION, pictures=4)
    found = _found(capsys, towers / "float32.tflite", towers / "small.tflite", "--data", everybody)
    for values in found["towers"]:
        low, high = values["accuracy"]["auc"]["interval"]
        assert low <= values["accuracy"]["auc"]["value"] <= high
    difference = found["towers"][1]["difference_to_first"]["auc"]
    assert difference["interval"][0] <= difference["value"] <= difference["interval"][1]
    assert difference["value"] < 0, "an untrained tower is worse"


def test_pictures_that_one_tower_cannot_use_are_left_out_for_all(towers: Path, strangers: Path, capsys: Said) -> None:
    person = strangers / VALIDATION[0]
    write_image(person / "11.png", read_image(person / "1.png")[:40, :40].copy())  # Large enough for 32 px, not for 48.
    (person / "12.png").write_text("a text")
    shutil.copy(person / "1.png", person / "13.png")
    found = _found(capsys, towers / "small.tflite", towers / "int8.tflite", "--data", strangers)
    assert (found["pictures"]["pictures"], found["pictures"]["skipped"]) == (60, 3)
    alone = _found(capsys, towers / "small.tflite", towers / "small.tflite", "--data", strangers)
    assert alone["pictures"]["pictures"] == 61


def test_photographs_are_aligned_to_each_towers_own_template(
    towers: Path, att_faces: Path, models: Path, tmp_path: Path, capsys: Said
) -> None:
    bundle = read_bundle(towers / "int8.tflite")
    points = tuple((x, y * 0.9) for x, y in bundle.card.template.points)
    other = replace(bundle, card=replace(bundle.card, template=AlignmentTemplate(name="higher", points=points)))
    (tmp_path / "other.tflite").write_bytes(pack_bundle(other))
    photos = tmp_path / "photos"
    for person in ("s31", "s32"):
        for number in (1, 2, 3):
            (photos / person).mkdir(parents=True, exist_ok=True)
            shutil.copy(att_faces / person / f"{number}.pgm", photos / person)
    found = _found(capsys, towers / "int8.tflite", tmp_path / "other.tflite", "--data", photos)
    assert found["pictures"]["kind"] == "photographs"
    assert found["towers"][0]["accuracy"]["auc"] != found["towers"][1]["accuracy"]["auc"]
    assert found["towers"][0]["accuracy"]["tar_at_far"]["0.001"] is None
    assert _compare(towers / "int8.tflite", tmp_path / "other.tflite", "--data", photos) == 0
    assert "too few pairs" in capsys.readouterr().out


def test_whoever_a_run_was_trained_on_is_left_out(
    towers: Path,
    copy_people: CopyPeople,
    run_writer: MakeRun,
    faces: Path,
    tmp_path: Path,
    tower_file: Path,
    capsys: Said,
) -> None:
    renamed = copy_people("renamed", TRAIN[:1], rename="also-")
    shutil.copytree(faces, renamed, dirs_exist_ok=True)
    pair = (towers / "int8.tflite", towers / "float32.tflite")
    found = _found(capsys, *pair, "--data", renamed, "--run", towers / "run")
    assert found["pictures"]["people"] == len(VALIDATION)
    assert found["pictures"]["left_out"] == 10 * (len(TRAIN) + 1)
    assert not any("does not say whom" in note for note in found["notes"])
    assert any("6 of these people were validated on" in note for note in found["notes"])

    run = run_writer(tmp_path / "run", tower_file, faces, data_sha256=training_sha256(list_files(faces)))
    out = tmp_path / "told.tflite"
    assert main(["convert", str(run), "--representative", str(faces), "--out", str(out)]) == 0
    said = _error(capsys, 2, towers / "float32.tflite", out, "--data", faces)
    assert "is what told was trained on, by its card" in said
    assert "--run RUN" in said
    assert _found(capsys, towers / "float32.tflite", out, "--data", faces, "--run", run)["pictures"]["people"] == 6


def test_thresholds_that_were_solved_on_these_pictures_are_named(towers: Path, strangers: Path, capsys: Said) -> None:
    found = _found(capsys, towers / "int8.tflite", towers / "small.tflite", "--data", strangers)
    assert any("threshold of int8 was solved on these very pictures" in note for note in found["notes"])
    shutil.rmtree(strangers / VALIDATION[0])
    found = _found(capsys, towers / "int8.tflite", towers / "small.tflite", "--data", strangers)
    assert not any("very pictures" in note for note in found["notes"])


def test_a_table_for_a_person_and_three_files(towers: Path, strangers: Path, tmp_path: Path, capsys: Said) -> None:
    words = (towers / "float32.tflite", towers / "int8.tflite", "--data", strangers, "--out", tmp_path / "out")
    assert _compare(*words) == 0
    said = capsys.readouterr()
    for text in ("device: ", "60 pictures of 6 people", "times float32", "minus float32, in points", "EER", "p95 ms"):
        assert text in said.out
    assert "slower and worse than another: " in said.out
    assert said.err.splitlines()[-1].startswith("next: siamlite enroll NAME --tower ")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(FILES)
    values = json.loads((tmp_path / "out/compare.json").read_text())
    rows = list(csv.DictReader((tmp_path / "out/compare.csv").read_text().splitlines()))
    assert [row["name"] for row in rows] == ["float32", "int8"]
    assert float(rows[1]["eer"]) == values["towers"][1]["accuracy"]["eer"]["value"]
    assert rows[0]["difference_eer"] == ""
    assert read_image(tmp_path / "out/compare.png").std() > 10

    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert "--force" in _error(capsys, 2, *words)
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    assert _compare(*words, "--force") == 0
    assert (tmp_path / "out/compare.json").read_bytes() != before["compare.json"]


def test_what_cannot_be_compared_is_one_line(
    towers: Path, strangers: Path, copy_people: CopyPeople, tmp_path: Path, capsys: Said
) -> None:
    good = towers / "int8.tflite"
    data = ("--data", strangers)
    assert "two or more" in _error(capsys, 2, good, *data)
    assert "is not a file" in _error(capsys, 2, good, tmp_path / "none.tflite", *data)
    assert "is not a folder" in _error(capsys, 2, good, good, "--data", tmp_path / "none")
    (tmp_path / "file").write_text("")
    assert "is a file; --out takes a folder" in _error(capsys, 2, good, good, *data, "--out", tmp_path / "file")
    for option, value in (("--threads", "0"), ("--max-pictures", "3"), ("--seed", "-1")):
        assert option in _error(capsys, 2, good, good, *data, option, value)
    assert main(["compare", str(good), str(good), "--data", str(strangers), "--repeats", "1"]) == 2
    alone = copy_people("alone", VALIDATION[:1])
    assert "of 1 people" in _error(capsys, 2, good, good, "--data", alone)
    apart = copy_people("apart", VALIDATION, pictures=1)
    assert "one of them with two pictures" in _error(capsys, 2, good, good, "--data", apart)
    texts = tmp_path / "texts/somebody"
    texts.mkdir(parents=True)
    (texts / "1.txt").write_text("no picture")
    assert "no pictures in" in _error(capsys, 2, good, good, "--data", tmp_path / "texts")
    (texts / "1.png").write_text("no picture either")
    write_faces_mark(tmp_path / "texts", {"size_px": 48})
    assert "0 usable pictures" in _error(capsys, 2, good, good, "--data", tmp_path / "texts")


def test_a_tower_that_must_not_be_used_is_named(towers: Path, strangers: Path, tmp_path: Path, capsys: Said) -> None:
    good = towers / "int8.tflite"
    bundle = read_bundle(good)
    foreign, edited, failing = (tmp_path / f"{name}.tflite" for name in ("foreign", "edited", "failing"))
    foreign.write_bytes(bundle.flatbuffer)
    edited.write_bytes(good.read_bytes()[:-200])
    failing.write_bytes(pack_bundle(replace(bundle, golden_embeddings=-bundle.golden_embeddings)))
    for path, words in ((foreign, "without a card"), (edited, "truncated"), (failing, "fails its self-test")):
        said = _error(capsys, 3, good, path, "--data", strangers, "--out", tmp_path / "out")
        assert str(path) in said
        assert words in said
    assert not (tmp_path / "out").exists()


def test_faces_too_small_for_a_tower_name_the_tower(
    towers: Path, small_run: Path, strangers: Path, capsys: Said
) -> None:
    for path in strangers.rglob("*.png"):
        write_image(path, read_image(path)[:40, :40].copy())
    write_faces_mark(strangers, {"size_px": 40})
    said = _error(capsys, 2, towers / "small.tflite", towers / "int8.tflite", "--data", strangers)
    assert said.startswith(f"error: int8: {strangers} holds faces of 40 px; the tower takes 48.")


def test_every_tower_takes_every_place_equally_often() -> None:
    for towers in (2, 3, 5):
        order = turns(towers, 6 * towers, seed=1)
        assert (np.sort(order, axis=1) == np.arange(towers)).all()
        for place in order.T:
            assert (np.bincount(place) == 6).all()
    assert len(turns(3, 7, seed=0)) == 7
    assert (turns(4, 40, seed=0) == turns(4, 40, seed=0)).all()
    assert (turns(4, 40, seed=0) != turns(4, 40, seed=1)).any()


def test_ratios_are_taken_picture_by_picture() -> None:
    noise = np.exp(np.random.default_rng(0).normal(size=200))
    times = np.stack([noise, 2 * noise, 0.5 * noise], axis=1)
    found = latencies(times)
    assert [latency.ratio for latency in found] == pytest.approx([1, 2, 0.5])
    assert found[1].ratio_interval == pytest.approx((2, 2))
    assert found[0].median_ms == pytest.approx(float(np.median(noise)))


def test_the_interval_of_a_median_holds_it_as_often_as_it_says() -> None:
    rng = np.random.default_rng(4)
    held = 0
    for _ in range(2000):
        low, high = median_interval(rng.exponential(size=101))
        held += low <= math.log(2) <= high
    assert 0.935 < held / 2000 < 0.975


def test_load_that_comes_and_goes_makes_the_interval_wider() -> None:
    noise = np.exp(np.random.default_rng(1).normal(scale=0.05, size=900))
    low, high = ratio_interval(noise)
    assert low < 1 < high
    drifting_low, drifting_high = ratio_interval(noise * np.repeat([0.9, 1.1, 1.0], 300))
    assert drifting_high - drifting_low > 3 * (high - low)


def test_slower_and_worse_needs_both() -> None:
    rng = np.random.default_rng(0)
    times = np.array([1.0, 2.0, 3.0, 1.0]) * np.exp(rng.normal(scale=0.05, size=(100, 4)))
    assert dominated(times, [0.05, 0.04, 0.05, 0.05]) == [(2, 1)]
    assert dominated(times, [0.01, 0.02, 0.03, 0.01]) == [(1, 0), (2, 0)]
    assert dominated(times, [0.05, 0.05, 0.05, 0.06]) == []


def test_names_tell_files_apart() -> None:
    a, b, c = Path("x/tower.tflite"), Path("y/tower.tflite"), Path("x/other.tflite")
    assert display_names([a, c]) == ["tower", "other"]
    assert display_names([a, b]) == ["x/tower", "y/tower"]
    assert display_names([c, c, c]) == ["other", "other (2)", "other (3)"]


def test_names_in_the_plot_lie_apart_and_inside(towers: Path, strangers: Path) -> None:
    paths = tuple(towers / f"{name}.tflite" for name in ("int8", "float32", "small", "int8", "float32", "small"))
    found = compare_towers(CompareOptions(towers=paths, data=strangers, repeats=10))
    for spread in (1.01, 1.3, 4.0):  # All on one heap; side by side; on logarithmic scales.
        entries = [
            replace(
                entry,
                latency=replace(entry.latency, median_ms=spread**number, p95_ms=1.2 * spread**number),
                accuracy=replace(
                    entry.accuracy, eer=Estimate(value=0.3 / spread**number, interval=(0.1 / spread**number, 0.4))
                ),
            )
            for number, entry in enumerate(found.entries)
        ]
        figure = draw_comparison(replace(found, entries=tuple(entries), beaten=(("int8", "small"),)))
        axes = figure.axes[0]
        boxes = [text_box(note) for note in axes.texts]
        assert [note.get_text().splitlines()[0] for note in axes.texts] == [e.contender.name for e in entries]
        assert axes.get_xscale() == ("log" if spread == 4 else "linear")
        for number, box in enumerate(boxes):
            assert not any(box.overlaps(other) for other in boxes[:number])
            assert figure.bbox.x0 <= box.x0
            assert box.x1 <= figure.bbox.x1


def test_a_tower_costs_memory_of_its_own(towers: Path, strangers: Path, capsys: Said) -> None:
    if peak_bytes() is None:
        pytest.skip("this system does not tell the peak of a process")
    found = _found(capsys, towers / "float32.tflite", towers / "int8.tflite", "--data", strangers)
    for values in found["towers"]:
        assert values["model_bytes"] < values["memory"]["tower_bytes"] < values["memory"]["peak_bytes"]
