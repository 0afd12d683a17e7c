"""Towers that others trained, wrapped: every kind of file, in the real interpreter."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from foreign_helpers import adopt, error_line, head, to_tflite

from edge_runtime.commands.cli import main as siamlite
from edge_runtime.images import read_image
from edge_runtime.towers.bundle import read_bundle
from edge_runtime.towers.preprocess import InputSpec
from edge_runtime.towers.tower import Embedder, Tower
from export.adoption.people import divide_people
from export.cli import main
from export.quiet import import_tensorflow, quiet_tensorflow
from export.sources.keras_file import tower_values

CopyPeople = Callable[..., Path]


@pytest.fixture(scope="session")
def tflite_file(tower_model: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tflite") / "strange.tflite"
    path.write_bytes(to_tflite(tower_model))
    return path


@pytest.fixture(scope="session")
def saved_model(tower_model: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("saved") / "strange"
    with quiet_tensorflow():
        tower_model.export(str(path), format="tf_saved_model", verbose=False)
    return path


@pytest.fixture(params=["keras", "saved-model", "tflite"])
def foreign(request: pytest.FixtureRequest) -> tuple[str, Path]:
    fixture = {"keras": "tower_file", "saved-model": "saved_model", "tflite": "tflite_file"}[request.param]
    return request.param, request.getfixturevalue(fixture)


def test_every_kind_becomes_a_tower_that_the_device_uses(
    foreign: tuple[str, Path], faces: Path, att_faces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (kind, file), out = foreign, tmp_path / "tower.tflite"
    words = ("--licence", "CC0-1.0", "--measured-on", "old studio pictures", "--limits-text", "Not for doors.")
    assert adopt(file, faces, out, *words, "--json") == 0
    values = json.loads(capsys.readouterr().out)
    assert values["path"] == str(out)
    tower = Tower.load(out)
    card = tower.card
    assert (card.recipe, card.licence) == ("as it came" if kind == "tflite" else "int8", "CC0-1.0")
    assert card.training["known"] is False
    assert card.training["adopted"]["kind"] == kind
    assert len(card.training["adopted"]["sha256"]) == 64
    assert "unknown" in card.limits
    assert card.limits.startswith("Not for doors. ")
    assert "measured on old studio pictures. By age, sex and skin tone they were not measured" in card.limits
    assert str(tmp_path) not in out.read_bytes().decode("latin-1")
    assert bool(card.representative) == (kind != "tflite")
    assert ("cosine_to_float" in card.evaluation) == (kind != "tflite")
    assert card.evaluation["people"] == (14 if kind == "tflite" else 9)
    gallery = tmp_path / "gallery.siamlite"
    more = ["--tower", str(out), "--gallery", str(gallery)]
    assert siamlite(["doctor", "--tower", str(out)]) in (0, 1)
    assert siamlite(["enroll", "Ada", "--source", str(att_faces / "s9"), *more, "--json"]) == 0
    assert siamlite(["verify", "Ada", "--source", str(att_faces / "s9"), *more, "--json"]) in (0, 1)


def test_the_three_kinds_of_one_model_embed_alike(
    tower_file: Path, saved_model: Path, tflite_file: Path, faces: Path, tmp_path: Path
) -> None:
    rows = []
    crops = np.stack([read_image(faces / "s3" / f"{n}.png") for n in range(1, 6)])
    for number, (file, more) in enumerate(
        ((tower_file, ("--recipe", "float32")), (saved_model, ("--recipe", "float32")), (tflite_file, ()))
    ):
        out = tmp_path / f"{number}.tflite"
        assert adopt(file, faces, out, *more) == 0
        rows.append(Tower.load(out).embed(crops))
    np.testing.assert_allclose(rows[1], rows[0], atol=1e-4)
    np.testing.assert_allclose(rows[2], rows[0], atol=1e-4)


def test_what_was_appended_to_a_tflite_file_is_left_out(tflite_file: Path, faces: Path, tmp_path: Path) -> None:
    plain = tflite_file.read_bytes()
    whole = io.BytesIO(plain)
    with zipfile.ZipFile(whole, "a") as archive:
        archive.writestr("labels.txt", "cat\ndog\n")
    file, out = tmp_path / "labelled.tflite", tmp_path / "tower.tflite"
    file.write_bytes(whole.getvalue())
    assert adopt(file, faces, out) == 0
    assert read_bundle(out).flatbuffer == plain


@pytest.mark.parametrize("ends", ["int8", "uint8"])
def test_quantized_files_are_taken_as_they_are(
    tower_model: Any, faces: Path, tmp_path: Path, ends: str, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = InputSpec(size_px=48, colour="grey")
    crops = np.stack([read_image(faces / "s3" / f"{n}.png") for n in range(1, 11)])
    file, out = tmp_path / "quantized.tflite", tmp_path / "tower.tflite"
    file.write_bytes(to_tflite(tower_model, ends=ends, values=tower_values(crops, spec)))
    assert adopt(file, faces, out) == 0
    tower = Tower.load(out)
    assert tower.interpreter.inputs[0].dtype == tower.interpreter.outputs[0].dtype == ends
    cosines = np.sum(tower.embed(crops) * Embedder(to_tflite(tower_model), spec).embed(crops), axis=1)
    assert cosines.min() > 0.98


def test_one_output_of_several_and_a_layer_of_a_keras_file(
    tower_model: Any, faces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, keras = import_tensorflow()
    with quiet_tensorflow():
        pooled = tower_model.layers[-2].output
        two = head(tower_model.inputs, [tower_model.outputs[0], keras.layers.Dense(3)(pooled)])
        two.save(tmp_path / "two.keras")
    (tmp_path / "two.tflite").write_bytes(to_tflite(two))
    out = tmp_path / "tower.tflite"
    for name in ("two.keras", "two.tflite"):
        assert adopt(tmp_path / name, faces, out, "--force") == 2
        said = error_line(capsys)
        assert "2 outputs: name one with --output" in said
        names = said.split("It has: ")[1].rstrip(".").split(", ")
        lengths = set()
        for chosen in names:
            assert adopt(tmp_path / name, faces, out, "--output", chosen, "--force") == 0
            lengths.add(Tower.load(out).embedding_length)
        assert lengths == {32, 3}
        capsys.readouterr()
    layer = tower_model.layers[-2].name
    assert adopt(tmp_path / "two.keras", faces, out, "--output", layer, "--force", "--recipe", "float32") == 0
    assert Tower.load(out).card.training["adopted"]["output"] == layer
    capsys.readouterr()
    assert adopt(tmp_path / "two.keras", faces, out, "--output", "nothing", "--force") == 2
    assert "no output or layer 'nothing'" in error_line(capsys)


def test_a_network_of_keras_applications(faces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody trained it, so it tells nobody apart and the command says so; but it is a whole MobileNetV2."""
    _, keras = import_tensorflow()
    with quiet_tensorflow():
        keras.utils.set_random_seed(3)
        model = keras.applications.MobileNetV2((48, 48, 3), alpha=0.35, include_top=False, weights=None, pooling="avg")
        model.save(tmp_path / "mobilenet.keras")
    out = tmp_path / "tower.tflite"
    more = ("--recipe", "float16", "--colour", "bgr", "--range", "unit", "--input-size", "48")
    assert adopt(tmp_path / "mobilenet.keras", faces, out, *more) == 0
    said = capsys.readouterr().err
    assert "python -m export probe" in said
    assert "note: the card states no licence" in said
    card = Tower.load(out).card
    assert (card.input.colour, card.input.scale, card.input.offset) == ("bgr", 1 / 255, 0.0)
    assert card.embedding_length == 1280


def test_crops_that_were_aligned_before_are_only_resized(
    tower_file: Path, faces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bare, template = tmp_path / "bare", tmp_path / "mine.json"
    bare.mkdir()
    for person in (f"s{n}" for n in range(1, 15)):
        (bare / person).symlink_to(faces / person)
    points = [[38.29, 51.70], [73.53, 51.50], [56.03, 71.74], [41.55, 92.37], [70.73, 92.20]]
    template.write_text(json.dumps({"size_px": 112, "points": points}))
    out = tmp_path / "tower.tflite"
    assert adopt(tower_file, bare, out, "--align", str(template), "--aligned") == 0
    card = Tower.load(out).card
    assert card.template.name == "mine"
    np.testing.assert_allclose(card.template.points[3], (56.14 / 112, 92.285 / 112), atol=1e-9)
    assert card.evaluation["pictures_were"] == "crops aligned by others"
    assert "measured on crops that others aligned." in card.limits
    capsys.readouterr()
    assert adopt(tower_file, faces, out, "--align", "wide", "--force") == 2
    assert "another template" in error_line(capsys)


def test_people_are_divided_by_the_seed_and_all_measure_who_do_not_calibrate() -> None:
    people = [f"p{n}" for n in range(40)]
    chosen = divide_people(people, seed=1)
    assert chosen == divide_people(people[::-1], seed=1)
    assert chosen != divide_people(people, seed=2)
    assert len(chosen) == 13
    assert chosen < set(people)


def test_folders_for_each_purpose(
    tower_file: Path, copy_people: CopyPeople, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = copy_people("first", ["s1", "s2", "s3"]), copy_people("second", ["s9", "s10", "s11", "s12"])
    out = tmp_path / "tower.tflite"
    assert adopt(tower_file, second, out, "--representative", str(first)) == 0
    card = Tower.load(out).card
    assert (card.evaluation["people"], card.representative["people"]) == (4, 3)
    mixed = copy_people("mixed", ["s1", "s9"])
    capsys.readouterr()
    assert adopt(tower_file, second, out, "--representative", str(mixed), "--force") == 2
    assert "share 1 people (s9)" in error_line(capsys)


def test_the_probe_finds_the_range(
    faces: Path, tower_model: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, keras = import_tensorflow()
    with quiet_tensorflow():
        image = keras.Input((48, 48, 1))
        keras.Model(image, tower_model(keras.layers.Rescaling(1 / 127.5, offset=-1.0)(image))).save(
            tmp_path / "bytes.keras"
        )
    assert main(["probe", str(tmp_path / "bytes.keras"), "--data", str(faces), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert {row["range_name"] for row in rows} == {"signed", "signed-128", "unit", "byte"}
    assert {(row["colour"], row["template"]) for row in rows} == {("grey", "eyes-nose-mouth")}
    assert rows[0]["range_name"] == "byte"
    assert rows[0]["eer"] < 0.2
    assert all(row["eer"] is None or row["eer"] > rows[0]["eer"] for row in rows[1:])
    assert main(["probe", str(tmp_path / "bytes.keras"), "--data", str(faces), "--pictures", "80"]) == 0
    assert "--range byte" in capsys.readouterr().out.splitlines()[-1]


def test_the_probe_tries_both_colour_orders(faces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The AT&T pictures are grey, so both must come out the same."""
    _, keras = import_tensorflow()
    with quiet_tensorflow():
        keras.utils.set_random_seed(1)
        image = keras.Input((None, None, 3))
        values = keras.layers.Conv2D(8, 5, strides=2, activation="relu")(image[..., :3])
        keras.Model(image, keras.layers.GlobalMaxPooling2D(keepdims=True)(values)).save(tmp_path / "any.keras")
    assert main(["probe", str(tmp_path / "any.keras"), "--data", str(faces)]) == 2
    assert "any size" in error_line(capsys)
    assert main(["probe", str(tmp_path / "any.keras"), "--data", str(faces), "--input-size", "32", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert sorted(row["colour"] for row in rows) == ["bgr"] * 4 + ["rgb"] * 4
