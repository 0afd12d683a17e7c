"""Thresholds, and pictures that are no faces, on small towers."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from edge_runtime.errors import DataError, UsageError
from edge_runtime.images import read_image
from edge_runtime.towers.bundle import read_bundle
from edge_runtime.towers.preprocess import tower_pixels
from train.apply.embed_files import Cropper, embed_files, list_pictures
from train.apply.threshold import choose_threshold
from train.cli import main
from train.data.decode import fit_picture
from train.measure.evaluate import load_tower


def test_the_threshold_of_a_card(tiny_tower_path):
    card = read_bundle(tiny_tower_path).card
    default = choose_threshold(tiny_tower_path)
    assert (default.value, default.source) == (card.operating_point(0.01).threshold, "card")
    assert "false match rate of 0.01 (780 of 78000 impostor pairs" in default.origin
    assert choose_threshold(tiny_tower_path, fmr=0.1).value == card.operating_point(0.1).threshold
    with pytest.raises(UsageError, match=r"no threshold for FMR 0\.5"):
        choose_threshold(tiny_tower_path, fmr=0.5)


def test_the_threshold_of_a_run(tiny_run, tmp_path):
    held = json.loads((tiny_run / "metrics.json").read_text())["validation"]
    for place in (tiny_run, tiny_run / "tower.keras"):
        found = choose_threshold(place)
        assert (found.value, found.source) == (held["eer_threshold"], "run-eer")
        assert f"EER {held['eer']:.1%}" in found.origin
    with pytest.raises(UsageError, match="python -m export convert"):
        choose_threshold(tiny_run, fmr=0.01)
    with pytest.raises(DataError, match=r"no metrics\.json"):
        choose_threshold(tmp_path)
    (tmp_path / "metrics.json").write_text('{"validation": {}}')
    with pytest.raises(DataError, match="no EER threshold"):
        choose_threshold(tmp_path)
    (tmp_path / "metrics.json").write_text('{"validation": null}')
    with pytest.raises(DataError, match="trained on everyone"):
        choose_threshold(tmp_path)


def test_a_threshold_of_ones_own():
    assert choose_threshold("any", threshold=-0.25).value == -0.25
    for value in (1.5, float("nan")):
        with pytest.raises(UsageError, match="cosine similarity"):
            choose_threshold("any", threshold=value)
    with pytest.raises(UsageError, match="exclude"):
        choose_threshold("any", threshold=0.5, fmr=0.1)


def test_a_tower_of_no_faces_sees_whole_pictures(tiny_run, att_strangers):
    """Such a tower has no template: nothing is detected, and a picture of any shape is brought to its size."""
    tower = replace(load_tower(tiny_run), template=None)
    paths = list_pictures([att_strangers / "s31"])
    embedded = embed_files(tower, paths)
    assert embedded.paths == tuple(paths)
    whole = [fit_picture(read_image(path), 16, name=path.name) for path in paths]
    expected = tower.embed(np.stack([tower_pixels(picture, tower.colours) for picture in whole]))
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(embedded.embeddings, expected, atol=1e-5)


def test_aligned_crops_must_be_square_and_large_enough(tiny_run, tiny_faces, att_strangers):
    cropper = Cropper(load_tower(tiny_run), aligned=True)
    assert cropper.crop(tiny_faces / "p0" / "0.png").shape == (16, 16, 3)
    with pytest.raises(DataError, match="92×112"):
        cropper.crop(att_strangers / "s31" / "1.pgm")


def test_crops_of_another_template_are_left_out(tiny_run, tiny_faces, tmp_path):
    folder = tmp_path / "faces"
    shutil.copytree(tiny_faces, folder)
    mark = json.loads((folder / "faces.json").read_text())
    points = [[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.5, 0.8]]
    (folder / "faces.json").write_text(json.dumps({**mark, "template": {"name": "other", "points": points}}))
    with pytest.raises(DataError, match="'other'"):
        embed_files(load_tower(tiny_run), list_pictures([folder]))


def test_the_device_file_compares_faces(tiny_tower_path, att_strangers, capsys):
    picture = str(att_strangers / "s31" / "1.pgm")
    assert main(["compare", picture, picture, "--tower", str(tiny_tower_path), "--fmr", "0.001", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["similarity"] == pytest.approx(1, abs=1e-6)
    assert printed["threshold_source"] == "card"


@pytest.mark.parametrize("name", ["missing.jpg", "broken.jpg"])
def test_an_unreadable_picture_is_one_line(name, tiny_run, tiny_faces, tmp_path, capsys):
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8 broken")
    for command in (
        ["compare", str(tmp_path / name), str(tiny_faces / "p0" / "0.png")],
        ["classify", str(tmp_path / name), "--examples", str(tiny_faces)],
        ["similar", str(tmp_path / name), "--folder", str(tiny_faces)],
    ):
        assert main([*command, "--tower", str(tiny_run)]) == 2
        said = capsys.readouterr().err
        assert [line for line in said.splitlines() if line.startswith("error: ")] == said.splitlines()[-1:]
        assert name in said
