"""The evaluation as a whole: files, the report, Keras against TFLite, lists, groups, parts of a run."""

from __future__ import annotations

import csv
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from train_helpers import tiny_config, write_people

from edge_runtime.errors import DataError, UsageError
from edge_runtime.measures.metrics import count_pairs, operating_point, pair_scores, roc_curve
from edge_runtime.towers.bundle import Bundle, pack_bundle
from edge_runtime.towers.card import Card
from edge_runtime.towers.preprocess import InputSpec
from edge_runtime.towers.tower import Embedder
from train.cli import main
from train.data.faces import load_faces
from train.measure.curves import det_points, histogram, roc_points, write_curves
from train.measure.data import Choice
from train.measure.evaluate import Protocol, evaluate
from train.measure.towers import load_tower


@pytest.fixture(scope="module")
def strangers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve people whom nothing was trained on: other bytes and other names."""
    folder = write_people(tmp_path_factory.mktemp("strangers") / "faces", people=12)
    for person in range(12):
        source = folder / f"p{person}"
        for path in source.iterdir():
            path.write_bytes(path.read_bytes() + b"\0")
        source.rename(folder / f"q{person}")
    return folder


@pytest.fixture(scope="module")
def tiny_tflite(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny run's tower as a float TFLite file with a card."""
    from export.conversion.convert import convert_tower
    from export.conversion.recipes import RECIPES
    from export.sources.float_tower import KerasTower
    from train.keras_quietly import load_keras

    spec = InputSpec(size_px=16, colour="grey")
    sample = np.zeros((1, 16, 16, 1), dtype=np.float32)
    flatbuffer = convert_tower(
        KerasTower(model=load_keras(tiny_run / "tower.keras"), spec=spec), RECIPES["float32"], sample
    )
    embedder = Embedder(flatbuffer, spec)
    golden = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), dtype=np.uint8)
    rows = np.random.default_rng(0).normal(size=(40, 3))
    point = operating_point(pair_scores(rows, np.repeat(np.arange(20), 2)), 0.1)
    assert point is not None
    backend = embedder.interpreter.backend
    card = Card(
        name="tiny",
        input=spec,
        embedding_length=8,
        recipe="float32",
        runtime_family=backend.family,
        runtime=f"{backend.distribution} {backend.version}",
        thresholds=(point,),
        default_fmr=0.1,
    )
    embeddings = embedder.embed(golden)
    bundle = Bundle(flatbuffer=flatbuffer, card=card, golden_crops=golden, golden_embeddings=embeddings)
    path = tmp_path_factory.mktemp("tflite") / "tiny.tflite"
    path.write_bytes(pack_bundle(bundle))
    return path


def test_keras_and_tflite_give_the_same_numbers(tiny_run: Path, tiny_tflite: Path, strangers: Path) -> None:
    protocol = Protocol(threshold=0.5)
    keras = evaluate(tiny_run, strangers, protocol=protocol).as_mapping()
    tflite = evaluate(tiny_tflite, strangers, protocol=protocol, run=tiny_run).as_mapping()
    assert tflite.keys() == keras.keys()
    for name in ("people", "pictures", "genuine_pairs", "impostor_pairs"):
        assert tflite[name] == keras[name]
    for name in ("auc", "eer"):
        assert tflite[name] == pytest.approx(keras[name], abs=2e-3)
        np.testing.assert_allclose(tflite["intervals"][name], keras["intervals"][name], atol=5e-3)
    for name in ("accuracy", "precision", "recall", "f1"):
        assert tflite["decisions"]["balanced"][name] == pytest.approx(keras["decisions"]["balanced"][name], abs=5e-3)
    assert tflite["one_shot"] == keras["one_shot"]
    assert [pair["left"] for pair in tflite["worst"]] == [pair["left"] for pair in keras["worst"]]


def test_people_of_the_run_of_a_tflite_file_are_refused(tiny_run: Path, tiny_tflite: Path, tiny_faces: Path) -> None:
    with pytest.raises(UsageError, match="was trained on 4 of these people"):
        evaluate(tiny_tflite, tiny_faces, run=tiny_run)
    assert any("--run" in note for note in evaluate(tiny_tflite, tiny_faces).notes)
    with pytest.raises(UsageError, match="--run names the run"):
        evaluate(tiny_run, tiny_faces, run=tiny_run)
    with pytest.raises(DataError, match=r"no split\.json"):
        evaluate(tiny_tflite, tiny_faces, run=tiny_faces)


def test_the_tiny_tower_on_photographs(tiny_tower_path: Path, att_faces: Path, models: Path, tmp_path: Path) -> None:
    few = tmp_path / "few"
    for person in range(1, 9):
        shutil.copytree(att_faces / f"s{person}", few / f"s{person}")
    found = evaluate(tiny_tower_path, few)
    assert found.result.people == 8
    assert found.result.impostor_pairs > 2000
    assert found.intervals is not None
    assert found.decisions is not None
    assert found.decisions.origin.startswith("the card's")


class Page(HTMLParser):
    """What a page refers to and says."""

    def __init__(self) -> None:
        super().__init__()
        self.references: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.references += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "data", "action")]


def run_report(tower: Path, data: Path, out: Path, *more: str) -> str:
    assert main(["evaluate", str(tower), "--data", str(data), "--out", str(out), *more]) == 0
    return (out / "report.html").read_text(encoding="utf-8")


def test_the_report_carries_everything_inside(tiny_run: Path, strangers: Path, tmp_path: Path) -> None:
    text = run_report(tiny_run, strangers, tmp_path / "out")
    page = Page()
    page.feed(text)
    assert not page.tags & {"script", "link", "iframe", "object", "embed", "form"}
    assert len(page.references) == 4
    assert all(reference.startswith("data:image/png;base64,") for reference in page.references)
    assert not re.search(r"https?:|url\(|@import", text)
    for words in ("95 % interval", "bootstrap over people", "12 people", "not resolvable", "Training"):
        assert words in text
    assert not (tmp_path / "out" / "worst.png").exists()
    assert not list((tmp_path / "out").glob(".*"))


def test_the_curve_of_a_training_without_validation_people_is_shown(
    tiny_run: Path, strangers: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(tiny_run, run)
    with (run / "log.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    kept = [name for name in rows[0] if not name.startswith("val_")]
    lines = [kept, *([row[name] for name in kept] for row in rows)]
    (run / "log.csv").write_text("".join(",".join(line) + "\n" for line in lines))
    assert "loss and validation error over the epochs" in run_report(run, strangers, tmp_path / "out")
    (run / "log.csv").write_text("")
    assert "loss and validation" not in run_report(run, strangers, tmp_path / "out", "--force")


def test_the_verdicts_of_the_worst_pairs_say_their_threshold(tiny_run: Path, strangers: Path, tmp_path: Path) -> None:
    text = run_report(tiny_run, strangers, tmp_path / "out", "--threshold", "0.25")
    assert "judged at similarity 0.2500" in text
    held = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert held["verdict_threshold"] == 0.25
    for pair in held["worst"]:
        assert (pair["verdict"] == "same") == (pair["similarity"] >= 0.25)


def test_faces_are_shown_only_when_asked_for(tiny_run: Path, strangers: Path, tmp_path: Path) -> None:
    text = run_report(tiny_run, strangers, tmp_path / "out", "--pictures")
    assert text.count("data:image/png") == 5
    assert (tmp_path / "out" / "worst.png").exists()
    assert run_report(tiny_run, strangers, tmp_path / "out", "--force").count("data:image/png") == 4
    assert not (tmp_path / "out" / "worst.png").exists()
    assert main(["evaluate", str(tiny_run), "--data", str(strangers), "--pictures"]) == 2


def test_names_are_escaped(tiny_run: Path, strangers: Path, tmp_path: Path) -> None:
    folder = tmp_path / "faces"
    shutil.copytree(strangers, folder)
    (folder / "q1").rename(folder / "<script>alert(1)<")
    assert "<script" not in run_report(tiny_run, folder, tmp_path / "out")


def read_columns(path: Path) -> dict[str, np.ndarray]:
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    return {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}


@pytest.mark.parametrize("grid", [False, True])
def test_csv_files_hold_what_the_plots_show(grid: bool, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(60), 5)
    rows = rng.normal(size=(60, 8))[labels] + rng.normal(size=(300, 8))
    scores = count_pairs(rows, labels) if grid else pair_scores(rows, labels)
    write_curves(tmp_path, scores)
    for name, points in (("roc", roc_points(scores)), ("det", det_points(scores))):
        held = read_columns(tmp_path / f"{name}.csv")
        for column, values in zip(held.values(), points, strict=True):
            np.testing.assert_array_equal(column, values)
    held = read_columns(tmp_path / "hist.csv")
    edges, genuine, impostor = histogram(scores)
    np.testing.assert_array_equal(held["low"], edges[:-1])
    np.testing.assert_array_equal(held["genuine"], genuine)
    np.testing.assert_array_equal(held["impostor"], impostor)
    assert (genuine.sum(), impostor.sum()) == (scores.genuine_pairs, scores.impostor_pairs)
    # Points were left out, none was moved, and the tail is whole.
    exact = {tuple(point) for point in zip(*roc_curve(scores), strict=True)}
    thinned = list(zip(*roc_points(scores), strict=True))
    assert set(thinned) <= exact
    assert len(thinned) < len(exact)
    assert thinned[0] == min(exact, key=lambda point: point[1:])
    _, fmr, _ = roc_points(scores)
    np.testing.assert_allclose(np.unique(fmr)[1:4], np.arange(1, 4) / scores.impostor_pairs)


def test_pairs_tags_and_more_in_one_go(tiny_run: Path, strangers: Path, tmp_path: Path, capsys: Any) -> None:
    pairs, tags = tmp_path / "pairs.txt", tmp_path / "tags.csv"
    lines = [f"q{n} 0 1\nq{n} 0 q{n + 1} 2" for n in range(0, 12, 2)]
    pairs.write_text("\n".join(lines) + "\n")
    tags.write_text("person,side\n" + "".join(f"q{n},{'a' if n < 6 else 'b'}\n" for n in range(12)))
    words = ["--pairs", str(pairs), "--tags", str(tags), "--ways", "5", "--trials", "50", "--json"]
    out = tmp_path / "out"
    assert main(["evaluate", str(tiny_run), "--data", str(strangers), "--out", str(out), *words]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["pairs"]["pairs"], len(printed["pairs"]["fold_accuracies"])) == (12, 6)
    assert (printed["one_shot"]["ways"], printed["one_shot"]["trials"]) == (5, 50)
    assert [row["impostor_pairs"] for row in printed["cohorts"]["rows"]] == [240, 240]
    assert printed["cohorts"]["rows"][0]["fnmr"] is not None
    of_run = json.loads((tiny_run / "metrics.json").read_text())["validation"]["eer_threshold"]
    assert printed["decisions"]["threshold"] == of_run
    assert "accuracy over folds" in (out / "report.html").read_text()


def test_the_runs_threshold_is_not_used_on_those_who_chose_it(tiny_run: Path, tiny_faces: Path) -> None:
    found = evaluate(tiny_run, tiny_faces, choice=Choice(part="validation"))
    assert found.result.people == 2
    assert found.decisions is None
    assert any("picked its best epoch" in note for note in found.notes)


def test_drawing_pictures_is_said(tiny_run: Path, strangers: Path) -> None:
    found = evaluate(tiny_run, strangers, choice=Choice(max_pictures=30, seed=4))
    assert (found.result.pictures, found.result.people) == (30, 12)
    assert any("30 of 48 pictures" in note and "seed 4" in note for note in found.notes)


def test_parts_that_are_not_there(tiny_run: Path, tiny_tflite: Path, tiny_faces: Path, strangers: Path) -> None:
    with pytest.raises(UsageError, match="kept nothing for test"):
        evaluate(tiny_run, tiny_faces, choice=Choice(part="test"))
    with pytest.raises(UsageError, match="needs the run"):
        evaluate(tiny_tflite, tiny_faces, choice=Choice(part="validation"))
    with pytest.raises(DataError, match="none of the validation people"):
        evaluate(tiny_run, strangers, choice=Choice(part="validation"))


def test_a_run_that_divided_pictures(tmp_path: Path, capsys: Any) -> None:
    from train.fitting.fit import fit

    faces = write_people(tmp_path / "faces", people=8)
    run = tmp_path / "run"
    fit(faces, run, tiny_config("split.by=pictures", "split.validation=0.5"))
    tower = load_tower(run)
    assert tower.trained_people == frozenset()
    assert len(tower.trained_hashes) == 16
    assert main(["evaluate", str(run), "--data", str(faces)]) == 2
    assert "trained on 16 of these pictures" in capsys.readouterr().err
    found = evaluate(run, faces, choice=Choice(part="validation"))
    assert (found.result.people, found.result.pictures) == (8, 16)
    assert any("divided pictures" in note for note in found.notes)
    # The same classes with other pictures are no training data.
    new = write_people(tmp_path / "new", people=8)
    for path in new.glob("*/*.png"):
        path.write_bytes(path.read_bytes() + b"\0")
    assert evaluate(run, new).result.pictures == 32
    assert evaluate(run, new).decisions is not None


def test_large_sets_give_nearly_the_exact_numbers(
    tiny_run: Path, strangers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = evaluate(tiny_run, strangers)
    monkeypatch.setattr("train.measure.evaluate._EXACT_PICTURES", 10)
    counted = evaluate(tiny_run, strangers)
    assert counted.result.auc == pytest.approx(exact.result.auc, abs=1e-4)
    assert counted.result.eer == pytest.approx(exact.result.eer, abs=1e-3)
    assert counted.intervals == exact.intervals
    assert load_faces(strangers, load_tower(tiny_run).colours).people == exact.measured.faces.people


@pytest.mark.parametrize(
    "words", [["--max-pictures", "2"], ["--resamples", "3"], ["--min-pairs", "0"], ["--ways", "99"]]
)
def test_numbers_that_measure_nothing(words: list[str], tiny_run: Path, strangers: Path, capsys: Any) -> None:
    assert main(["evaluate", str(tiny_run), "--data", str(strangers), *words]) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("error: ")
