"""The representative set: spread over brightness, listed in the card, taken again from there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge_runtime.errors import DataError, UsageError
from edge_runtime.towers.bundle import Bundle, read_bundle
from export.pictures.crops import CropSet, PictureFile, list_files
from export.pictures.replay import read_representative_list
from export.pictures.representative import spread_evenly
from export.pipeline import ExportOptions, export_tower
from export.settings import Settings

MakeRun = Callable[..., Path]


def grey_set(levels: list[int], people: list[int]) -> CropSet:
    """Even pictures of some brightness, of some people."""
    crops = np.stack([np.full((8, 8, 3), level, dtype=np.uint8) for level in levels])
    files = tuple(
        PictureFile(person=f"p{person}", name=f"p{person}/{k}.png", path=Path(f"{k}.png"), sha256=f"{k:064x}")
        for k, person in enumerate(people)
    )
    return CropSet(crops_rgb=crops, files=files, skipped=(), prepared=True)


def test_the_few_dark_and_bright_ones_are_taken() -> None:
    levels = [120] * 40 + [10, 60, 180, 240]
    chosen = spread_evenly(grey_set(levels, list(range(44))), 8)
    assert len(set(chosen)) == 8
    assert {10, 60, 180, 240} <= {levels[position] for position in chosen}


def test_people_come_before_brightness() -> None:
    people = [0] * 10 + [1, 1, 2, 2]
    chosen = spread_evenly(grey_set([20 * k for k in range(10)] + [100] * 4, people), 6)
    assert sorted(people[position] for position in chosen) == [0, 0, 1, 1, 2, 2]


def test_every_beginning_is_spread_and_all_are_taken_in_the_end() -> None:
    levels, people = [17 * k % 256 for k in range(30)], [k % 5 for k in range(30)]
    pool = grey_set(levels, people)
    whole = spread_evenly(pool, 99)
    assert sorted(whole) == list(range(30))
    for count in (5, 10, 17):
        assert spread_evenly(pool, count) == whole[:count]
        taken = [people[position] for position in whole[:count]]
        assert max(map(taken.count, range(5))) - min(map(taken.count, range(5))) <= 1


def test_nothing_is_taken_of_nothing() -> None:
    empty = CropSet(crops_rgb=np.empty((0, 8, 8, 3), np.uint8), files=(), skipped=(), prepared=True)
    assert spread_evenly(empty, 10) == []


def test_the_card_lists_pictures_by_their_hashes_alone(exported: Bundle, faces: Path) -> None:
    held = exported.card.representative
    hashes = {file.sha256: file.person for file in list_files(faces)}
    assert len(held["files"]) == held["pictures"] == 80
    assert all(set(entry) == {"person", "sha256"} for entry in held["files"])
    people: dict[int, set[str]] = {}
    for entry in held["files"]:
        people.setdefault(entry["person"], set()).add(hashes[entry["sha256"]])
    assert sorted(people) == list(range(held["people"]))
    assert all(len(names) == 1 for names in people.values())


def test_the_same_pictures_give_the_same_file_again(make_run: MakeRun, faces: Path, tmp_path: Path) -> None:
    run, first, again = make_run(), tmp_path / "first.tflite", tmp_path / "again.tflite"
    export_tower(ExportOptions(run=run, representative=faces, out=first, samples=20, seed=3, list_names=True))
    assert {entry["name"].split("/")[0][0] for entry in read_bundle(first).card.representative["files"]} == {"s"}
    # Other names, other places, and more pictures than were there.
    moved = tmp_path / "moved"
    for number, picture in enumerate(sorted((faces).glob("s[1-8]/*.png"))):
        target = moved / f"x{picture.parent.name}" / f"{number}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(picture, target)
    shutil.copy(faces / "faces.json", moved)
    export_tower(ExportOptions(run=run, representative=moved, out=again, representative_list=first))
    one, two = read_bundle(first), read_bundle(again)
    assert one.flatbuffer == two.flatbuffer
    assert [entry["sha256"] for entry in one.card.representative["files"]] == [
        entry["sha256"] for entry in two.card.representative["files"]
    ]
    card = tmp_path / "card.json"
    card.write_text(json.dumps({"representative": one.card.representative}))
    assert read_representative_list(card) == read_representative_list(first)


def test_pictures_that_are_gone_are_counted(make_run: MakeRun, faces: Path, tmp_path: Path) -> None:
    files = [{"sha256": file.sha256} for file in list_files(faces)[:12]] + [{"sha256": "0" * 64}] * 2
    listed = tmp_path / "list.json"
    listed.write_text(json.dumps({"files": files}))
    options = ExportOptions(run=make_run(), representative=faces, out=tmp_path / "t.tflite", representative_list=listed)
    with pytest.raises(DataError, match="2 of the 14 pictures of the list are not in"):
        export_tower(options)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"files": []}', '{"files": [{"sha256": "abc"}]}', '{"files": [1]}', '{"files": {}}']
)
def test_other_files_are_no_list(tmp_path: Path, text: str) -> None:
    path = tmp_path / "list.json"
    path.write_text(text)
    with pytest.raises(DataError, match="representative pictures"):
        read_representative_list(path)


def test_a_missing_list_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        read_representative_list(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"keep_float": ("conv",)}, "--keep-float is for"),
        ({"recipe": "float32", "or_selective": True}, "--or-selective goes with"),
        ({"recipe": "dynamic", "study": Path("study")}, "nothing to study"),
        ({"runtime": "litert", "runtime_python": Path("python")}, "give one of them"),
        ({"fmr": 0.0}, "--fmr"),
        ({"samples": 9}, "--samples"),
        ({"seed": -1}, "--seed"),
        ({"name": " "}, "--name"),
    ],
)
def test_settings_that_cannot_work_are_refused(tmp_path: Path, change: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Settings(out=tmp_path / "t", representative=tmp_path, **change)  # type: ignore[arg-type]
