import json

import numpy as np
import pytest
from train_helpers import tiny_config

from edge_runtime.images import decode_image, read_image
from edge_runtime.towers.preprocess import InputSpec, normalise
from train.batches.augment import AUGMENTATIONS
from train.batches.show import FILES, draw_augmentations, draw_batch, draw_pairs, to_pixels
from train.cli import main
from train.data.faces import load_faces
from train.prepare.sheet import draw_sheet

SETTINGS = ["--recipe", "att", "--set", "input.size_px=16", "--set", "batch.people=3", "--set", "batch.pictures=2"]


@pytest.fixture
def drawn(monkeypatch):
    """The sheets that are drawn, cells and options, besides their pictures."""
    sheets = []

    def watched(cells, **options):
        sheets.append((list(cells), options))
        return draw_sheet(cells, **options)

    monkeypatch.setattr("train.batches.show.draw_sheet", watched)
    return sheets


@pytest.fixture
def faces(tiny_faces):
    return load_faces(tiny_faces, InputSpec(size_px=16, colour="grey"))


def test_each_augmentation_has_a_row(tiny_faces, drawn):
    config = tiny_config("input.colour=rgb", "augment.noise=0.25")
    faces = load_faces(tiny_faces, config.input)
    sheet = decode_image(draw_augmentations(faces, config), name="the sheet")
    [(cells, options)] = drawn
    assert len(options["rows"]) == 1 + len(AUGMENTATIONS)
    assert "noise 0.25" in options["rows"]
    assert len(cells) == 6 * len(options["rows"])
    np.testing.assert_array_equal(cells[0].picture, faces.pixels[0])
    for number in range(1, len(options["rows"])):
        row = cells[6 * number : 6 * number + 6]
        same = all(np.array_equal(cell.picture, cells[index].picture) for index, cell in enumerate(row))
        # A blur of 1.4 % of 16 pixels is none.
        assert same == options["rows"][number].startswith("blur")
    assert sheet.shape[0] > 90 * len(options["rows"])


def test_grey_pictures_have_no_colour_to_show(faces, drawn):
    draw_augmentations(faces, tiny_config())
    assert not [name for name in drawn[0][1]["rows"] if name.split()[0] in ("colour", "grey")]


def test_a_batch_shows_who_is_on_each_picture(faces, drawn):
    off = [f"augment.{name}=0" for name in AUGMENTATIONS]
    draw_batch(faces, tiny_config(*off))
    [(cells, options)] = drawn
    assert len(cells) == 6
    assert "6 of the 6" in options["title"]
    for cell in cells:
        row = next(row for row, picture in enumerate(faces.pixels) if np.array_equal(picture, cell.picture))
        assert faces.people[faces.labels[row]] == cell.caption


@pytest.mark.parametrize("sampler", ["pk", "pairs", "hard-pairs"])
def test_pairs_say_what_they_are(faces, drawn, sampler):
    off = [f"augment.{name}=0" for name in AUGMENTATIONS]
    config = tiny_config(*off, f"batch.sampler={sampler}", "batch.people=6", "batch.pictures=4")
    draw_batch(faces, config)
    draw_pairs(faces, config)
    cells, _ = drawn[1]
    assert len(cells) == 12
    kinds = set()
    for cell in cells:
        halves = np.split(cell.picture, 2, axis=1)
        rows = [next(r for r, picture in enumerate(faces.pixels) if np.array_equal(picture, half)) for half in halves]
        kind = "genuine" if faces.labels[rows[0]] == faces.labels[rows[1]] else "impostor"
        assert cell.caption.startswith(kind)
        kinds.add((kind, cell.frame))
    assert len(kinds) == 2


def test_pixels_come_back_from_what_the_tower_sees():
    pixels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    for spec in (InputSpec(size_px=16, colour="grey"), InputSpec(size_px=16, colour="grey", scale=0.0125, offset=-0.3)):
        np.testing.assert_array_equal(to_pixels(normalise(pixels, spec), spec), pixels)


def test_the_command_writes_three_pictures(tiny_faces, tmp_path, capsys):
    out = tmp_path / "pictures"
    words = ["show", "--data", str(tiny_faces), "--out", str(out), *SETTINGS, "--seed", "3"]
    assert main([*words, "--json"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == {"people": 6, "pictures": 24, "written": [str(out / name) for name in FILES]}
    assert "python -m train fit" in printed.err
    first = {name: (out / name).read_bytes() for name in FILES}
    for name in FILES:
        assert read_image(out / name).std() > 10
    assert main(words) == 2
    assert "--force" in capsys.readouterr().err
    assert main([*words, "--force"]) == 0
    assert {name: (out / name).read_bytes() for name in FILES} == first
    assert main([*words[:-1], "4", "--force"]) == 0
    assert (out / "batch.png").read_bytes() != first["batch.png"]


@pytest.mark.parametrize("words", [["--recipe", "none"], ["--set", "augment.blurr=1"], ["--data", "/nowhere"]])
def test_wrong_use_is_one_line(tiny_faces, tmp_path, capsys, words):
    assert main(["show", "--data", str(tiny_faces), "--out", str(tmp_path / "out"), *SETTINGS, *words]) == 2
    assert capsys.readouterr().err.startswith("error: ")
    assert not (tmp_path / "out").exists()
