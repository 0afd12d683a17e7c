"""From a wide tower to a narrow one that learns from it, by the commands that docs/towers.md gives."""

import json
import os

import numpy as np
import pytest
from train_helpers import write_people

from edge_runtime.errors import DataError, TowerError
from edge_runtime.faces.align import DLIB_CLOSE_TEMPLATE, DLIB_TEMPLATE, template_values
from edge_runtime.files import read_json, sha256_bytes, sha256_file, write_bytes, write_json
from edge_runtime.people import write_faces_mark
from edge_runtime.towers.preprocess import InputSpec
from train.cli import main
from train.data.faces import load_faces
from train.keras_quietly import keras, load_keras
from train.measure.towers import load_tower
from train.measure.verify import verify
from train.towers.beside import origin_of_tower, read_beside, saved_bytes
from train.towers.dlib_resnet import ResNetShape, Stage, build_resnet, read_shape

SHAPE = ResNetShape(size_px=64, stages=(Stage(stream=8, inner=(6,)), Stage(stream=12, inner=(8, 8))))
FEWER = ["--streams", "6,9", "--inner", "4,5"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A small network of dlib's kind as an import leaves it, and faces that are cut for it."""
    folder = tmp_path_factory.mktemp("narrow")
    keras.utils.set_random_seed(0)
    data = saved_bytes(build_resnet(SHAPE, embedding_length=16))
    spec = InputSpec(size_px=64, colour="rgb")
    made = origin_of_tower("tower.keras", sha256_bytes(data), spec, length=16, template=DLIB_TEMPLATE)
    write_bytes(folder / "dlib" / "tower.keras", data)
    write_json(folder / "dlib" / "alignment.json", template_values(DLIB_TEMPLATE))
    write_json(folder / "dlib" / "origin.json", {"tower": made})
    (folder / "dlib" / "LICENSE.txt").write_text("free")
    write_people(folder / "chips", size_px=64)
    write_faces_mark(folder / "chips", {"size_px": 64, "template": template_values(DLIB_TEMPLATE), "detector": "none"})
    return folder


def narrow(place, out, *more):
    words = ["narrow", str(place / "dlib" / "tower.keras"), "--data", str(place / "chips"), "--out", str(out)]
    return main([*words, "--pictures", "20", *(more or FEWER)])


def test_the_whole_way(place, tmp_path, monkeypatch, capsys):
    out = tmp_path / "start" / "tower.keras"
    assert narrow(place, out, *FEWER, "--size", "56", "--align", "dlib-close", "--json") == 0
    printed = capsys.readouterr()
    report = json.loads(printed.out)
    assert printed.err.splitlines()[0] == f"written: {out}"
    assert printed.err.splitlines()[1].startswith("next: python -m train fit --recipe small --set=tower.weights=")
    tower = load_keras(out)
    assert [stage.stream for stage in read_shape(tower).stages] == [6, 9]
    assert report["parameters"] == tower.count_params() < report["parameters_before"]
    assert report["macs"] < report["macs_before"]
    assert all(layer["after"] <= layer["before"] for layer in report["repaired"])
    origin = read_json(out.parent / "origin.json", what="origin")
    assert origin["narrowed_from"]["sha256"] == sha256_file(place / "dlib" / "tower.keras")
    assert origin["narrowed_from"]["origin"]["tower"]["file"] == "tower.keras"
    assert origin["judged_by"]["pictures"] == 20
    assert (out.parent / "LICENSE.txt").read_text() == "free"
    loaded = load_tower(out)
    assert (loaded.spec.size_px, loaded.template) == (56, DLIB_CLOSE_TEMPLATE)

    close = tmp_path / "close"
    assert main(["recut", str(place / "chips"), "--out", str(close), "--align", "dlib-close", "--size", "56"]) == 0
    settings = {
        "tower.weights": out,
        "tower.embedding_length": 16,
        "input.size_px": 56,
        "teacher.path": place / "dlib" / "tower.keras",
        "teacher.faces": place / "chips",
        "batch.people": 3,
        "schedule.epochs": 2,
        "schedule.steps_per_epoch": 2,
        "split.validation": 0.34,
    }
    words = [f"--set={key}={value}" for key, value in settings.items()]
    monkeypatch.setenv("SIAMLITE_CACHE", str(tmp_path / "cache"))
    assert main(["fit", "--recipe", "small", *words, "--data", str(close), "--out", str(tmp_path / "run")]) == 0
    trained = load_tower(tmp_path / "run")
    assert trained.template == DLIB_CLOSE_TEMPLATE
    moved = [
        not np.array_equal(*pair)
        for pair in zip(tower.get_weights(), load_keras(tmp_path / "run" / "tower.keras").get_weights(), strict=True)
    ]
    assert all(moved)
    (kept,) = (tmp_path / "cache" / "teachers").iterdir()
    with np.load(kept) as held:
        assert held["embeddings"].shape[1] == 16


def test_error_rates_of_other_people_at_every_stage(place, tmp_path, capsys):
    others = tmp_path / "others"
    write_people(others, size_px=64, seed=9)
    write_faces_mark(others, {"size_px": 64, "template": template_values(DLIB_TEMPLATE), "detector": "none"})
    assert narrow(place, tmp_path / "a" / "tower.keras", *FEWER, "--evaluate", str(others), "--json") == 0
    rates = json.loads(capsys.readouterr().out)["rates"]
    assert list(rates) == ["wide", "narrowed", "repaired"]
    tower = load_tower(place / "dlib" / "tower.keras")
    faces = load_faces(others, tower.colours)
    assert rates["wide"]["eer"] == verify(tower.embed(faces.pixels), faces.labels)[0].eer
    assert rates["wide"]["pictures"] == len(faces.labels)
    words = [*FEWER, "--evaluate", str(others), "--no-repair"]
    assert narrow(place, tmp_path / "b" / "tower.keras", *words) == 0
    said = capsys.readouterr().out
    assert "other people" in said
    assert said.count("EER ") == 2
    assert narrow(place, tmp_path / "c" / "tower.keras", *FEWER, "--evaluate", str(place / "chips")) == 2
    assert "among those of --data" in capsys.readouterr().err.splitlines()[-1]


def test_without_repair_the_weights_are_the_wide_ones(place, tmp_path, capsys):
    out = tmp_path / "tower.keras"
    assert narrow(place, out, *FEWER, "--no-repair", "--json") == 0
    assert json.loads(capsys.readouterr().out)["repaired"] == []
    wide = load_keras(place / "dlib" / "tower.keras").get_layer("stem").get_weights()[1]
    assert set(load_keras(out).get_layer("stem").get_weights()[1]) <= set(wide)
    assert load_tower(out).template == DLIB_TEMPLATE


def test_nothing_is_replaced_unless_forced(place, tmp_path, capsys):
    out = tmp_path / "tower.keras"
    assert narrow(place, out, *FEWER, "--no-repair") == 0
    before = sha256_file(out)
    assert narrow(place, out, *FEWER, "--no-repair") == 2
    assert narrow(place, tmp_path / "other.keras", *FEWER, "--no-repair") == 2
    assert capsys.readouterr().err.count("--force") == 2
    assert narrow(place, out, "--streams", "8,12", "--inner", "6,8", "--force") == 0
    assert sha256_file(out) != before
    (tmp_path / "config.json").write_text("{}")
    assert narrow(place, out, *FEWER, "--force") == 2
    assert "holds a run" in capsys.readouterr().err


def test_a_tower_that_was_changed_afterwards_is_refused(place, tmp_path):
    out = tmp_path / "tower.keras"
    assert narrow(place, out, *FEWER, "--no-repair") == 0
    assert read_beside(out).spec == InputSpec(size_px=64, colour="rgb")
    os.rename(out, tmp_path / "renamed.keras")
    with pytest.raises(TowerError, match="speaks of another tower"):
        load_tower(tmp_path / "renamed.keras")
    os.rename(tmp_path / "renamed.keras", out)
    out.write_bytes(out.read_bytes() + b" ")
    with pytest.raises(TowerError, match="speaks of another tower"):
        load_tower(out)
    (tmp_path / "alignment.json").write_text('{"name": "x"}')
    with pytest.raises(DataError, match="is damaged"):
        load_tower(out)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--streams", "6", "--inner", "4,5"], "--streams takes 2 numbers"),
        (["--streams", "9,12", "--inner", "4,5"], "stage 0 can keep 8 channels"),
        (["--streams", "6,x", "--inner", "4,5"], "--streams takes whole numbers with commas"),
        ([*FEWER, "--size", "8"], "from 16 to 512"),
        ([*FEWER, "--align", "tight"], "unknown template 'tight'"),
        ([*FEWER, "--pictures", "3"], "--pictures must be from 16"),
    ],
)
def test_wrong_usage_is_one_line(place, tmp_path, capsys, words, message):
    assert narrow(place, tmp_path / "tower.keras", *words) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
    assert not list(tmp_path.iterdir())


def test_other_faces_and_other_towers_are_refused(place, tiny_run, tmp_path, capsys):
    wide, out = str(place / "dlib" / "tower.keras"), str(tmp_path / "tower.keras")
    faces = write_people(tmp_path / "faces", size_px=64)
    assert main(["narrow", wide, "--data", str(faces), "--out", out, *FEWER]) == 2
    assert "is cut in another way" in capsys.readouterr().err.splitlines()[-1]
    assert main(["narrow", str(tiny_run / "tower.keras"), "--data", str(faces), "--out", out, *FEWER]) == 2
    assert "no network of dlib's kind" in capsys.readouterr().err.splitlines()[-1]
    assert main(["narrow", str(tiny_run), "--data", str(faces), "--out", out, *FEWER]) == 2
    assert "a .keras file is needed" in capsys.readouterr().err.splitlines()[-1]
