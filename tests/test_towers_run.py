"""benchmarks.towers from tower and folders to the page, with a tiny tower and a few AT&T faces."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.towers.__main__ import PAGE, RESULTS, make_parser
from benchmarks.towers.acquire import crop_cutter
from benchmarks.towers.frames import HEIGHTS_PX, measure_frames
from benchmarks.towers.page import BEGIN, END, with_figures
from edge_runtime.commands.console import run_command
from edge_runtime.errors import DataError
from edge_runtime.faces.align import DEFAULT_TEMPLATE, DLIB_TEMPLATE, WIDE_TEMPLATE
from edge_runtime.faces.finder import FaceFinder
from edge_runtime.images import read_image, write_image
from edge_runtime.people import write_faces_mark

ROOT = Path(__file__).resolve().parents[1]
PEOPLE = [f"s{number}" for number in range(1, 11)]
EACH = 3


@pytest.fixture(scope="module")
def people(att_faces: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photographs of ten people; one of them is black, one is no picture."""
    folder = tmp_path_factory.mktemp("towers") / "people"
    for person in PEOPLE:
        (folder / person).mkdir(parents=True)
        for number in range(1, EACH + 1):
            shutil.copy(att_faces / person / f"{number}.pgm", folder / person / f"{number}.pgm")
    write_image(folder / "s1/black.png", np.zeros((112, 92, 3), dtype=np.uint8))
    (folder / "s2/torn.png").write_bytes(b"no picture")
    return folder


@pytest.fixture(scope="module")
def crops(people: Path, models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The faces of the same, prepared."""
    folder = tmp_path_factory.mktemp("towers") / "crops"
    finder = FaceFinder(size_px=112, models=models)
    for path in people.rglob("*.pgm"):
        found = finder.find_one(read_image(path))
        write_image(folder / path.parent.name / f"{path.stem}.png", found.crop_rgb)
    template = {"name": DEFAULT_TEMPLATE.name, "points": [list(point) for point in DEFAULT_TEMPLATE.points]}
    write_faces_mark(folder, {"size_px": 112, "template": template, "detector": "full-range"})
    return folder


@pytest.fixture(scope="module")
def beside(people: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Descriptors of some other system, and an index, under other folders and suffixes."""
    folder = tmp_path_factory.mktemp("towers")
    rng = np.random.default_rng(0)
    names, rows, lines = [], [], ["path,source"]
    for number, person in enumerate([*PEOPLE, "stranger"]):
        middle = rng.normal(size=12)
        for picture in range(1, EACH + 1):
            names.append(f"all/{person}/{picture}.webp")
            rows.append(middle + rng.normal(scale=0.7, size=12))
            lines.append(f"{names[-1]},{'one' if number % 2 else 'two'}")
    np.savez(folder / "other.npz", path=np.array(names), descriptor=np.array(rows, dtype=np.float16))
    (folder / "index.csv").write_text("\n".join(lines))
    return folder / "other.npz", folder / "index.csv"


@pytest.fixture(scope="module")
def float_tower(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A float tower of the tiny tower's shape: other weights, the same promises."""
    from train.keras_quietly import keras, known_warnings

    path = tmp_path_factory.mktemp("towers") / "float.keras"
    image = keras.Input((48, 48, 1))
    values = keras.layers.Flatten()(keras.layers.AveragePooling2D(6)(image))
    model = keras.Model(image, keras.layers.Dense(64, use_bias=False)(values))
    with known_warnings():
        model.save(path)
    return path


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A page of its own."""
    return Path(shutil.copy(PAGE, tmp_path / "page.md"))


def run(page: Path, cache: Path, *words: object) -> int:
    """Run the command with results beside the page."""
    places = ["--page", page, "--results", page.parent / "results", "--cache", cache]
    return run_command(make_parser(), [str(word) for word in (*words, *places)])


def result(page: Path) -> dict[str, Any]:
    held: dict[str, Any] = json.loads((page.parent / "results/tiny.json").read_text(encoding="utf-8"))
    return held


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Embeddings that the tests of this file share."""
    return tmp_path_factory.mktemp("cache")


def test_the_whole_way(
    people: Path,
    crops: Path,
    beside: tuple[Path, Path],
    float_tower: Path,
    tiny_tower_path: Path,
    page: Path,
    cache: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = (tiny_tower_path, "--float", f"tiny={float_tower}", "--people", people, "--crops", crops, "--no-att")
    assert run(page, cache, *words, "--descriptors", beside[0], "--index", beside[1], "--photos", people, "--json") == 0
    out = capsys.readouterr()
    held = result(page)
    assert set(json.loads(out.out)) == {"tiny"}
    _check_people(held)
    assert held["sets"]["crops"]["int8"]["pictures"] == len(PEOPLE) * EACH
    assert held["sets"]["crops"]["errors"]["tables"][0]["by"] == "source set"
    assert len(held["sets"]["crops"]["errors"]["tables"]) == 1
    assert held["photos"]["photographs"] == len(PEOPLE) * EACH + 2
    text = page.read_text(encoding="utf-8")
    figures = text.split(BEGIN)[1].split(END)[0]
    for words_there in (
        "`tiny`",
        "every face found",
        "float",
        "centred cosine",
        "turn of the head",
        "Not measured yet",
    ):
        assert words_there in figures or words_there == "every face found", words_there
    assert "/" + str(people).strip("/").split("/")[0] not in (page.parent / "results/tiny.json").read_text()
    assert text.split(END)[1] == PAGE.read_text(encoding="utf-8").split(END)[1]

    kept = {path: path.stat().st_mtime_ns for path in cache.glob("*.npz")}
    assert len(kept) == 2
    assert all(path.stat().st_mode & 0o077 == 0 for path in kept)
    assert run(page, cache, *words, "--descriptors", beside[0], "--index", beside[1], "--photos", people) == 0
    assert "embedded already" in capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in cache.glob("*.npz")} == kept
    assert result(page)["sets"] == held["sets"]


def _check_people(held: dict[str, Any]) -> None:
    found = held["sets"]["people"]
    reasons = found["acquisition"]["reasons"]
    assert found["pictures"] == len(PEOPLE) * EACH + 2
    assert reasons["no-face"] >= 1
    assert reasons["unreadable"] == 1
    assert found["acquisition"]["acquired"] == found["int8"]["pictures"] == found["pictures"] - sum(reasons.values())
    by_source = found["acquisition"]["by_source"]
    assert sum(row["acquired"] for row in by_source.values()) == found["acquisition"]["acquired"]
    assert by_source["unknown"]["acquired"] == 0
    assert by_source["unknown"]["pictures"] == 2
    for figures in (found["int8"], found["float"], found["beside"]["same"]["Euclidean distance"]):
        assert figures["pictures"] == found["int8"]["pictures"]
        assert figures["eer"]["interval"][0] <= figures["eer"]["interval"][1]
    assert found["beside"]["pictures"] == len(PEOPLE) * EACH
    assert set(found["beside"]["int8_difference"]) == {"Euclidean distance", "cosine", "centred cosine"}
    assert found["float_difference"]["eer"][0] <= found["float_difference"]["eer"][1]
    tables = {part["by"]: part["rows"] for part in found["errors"]["tables"]}
    assert set(tables) == {"source set", "face size", "sharpness", "turn of the head"}
    for rows in tables.values():
        assert sum(row["genuine_pairs"] for row in rows) == found["int8"]["genuine_pairs"]
        assert sum(row["impostor_pairs"] for row in rows) == found["int8"]["impostor_pairs"]


def test_int8_is_what_the_device_gives(people: Path, tiny_tower_path: Path, tmp_path: Path, models: Path) -> None:
    from benchmarks.towers.acquire import device_cutter
    from benchmarks.towers.embed import Subject, embed_set
    from benchmarks.towers.pictures import read_set
    from edge_runtime.towers.tower import Tower

    tower = Tower.load(tiny_tower_path)
    finder = FaceFinder(size_px=48, template=tower.card.template, models=models)
    pictures = read_set(people)
    made = embed_set(pictures, Subject(tower=tower), device_cutter(finder), way="test", cache=tmp_path)
    at = [path.name for path in pictures.paths].index("2.pgm")
    found = finder.find_one(read_image(pictures.paths[at]))
    assert np.array_equal(made.int8[at], tower.embed_one(found.crop_rgb))
    assert made.interocular_px[at] == pytest.approx(found.face.interocular_px)
    black = [path.name for path in pictures.paths].index("black.png")
    assert made.reasons[black] == "no-face"
    assert np.isnan(made.int8[black]).all()
    assert not made.found[black]
    next(iter(tmp_path.glob("*.npz"))).write_bytes(b"PK damaged")
    again = embed_set(pictures, Subject(tower=tower), device_cutter(finder), way="test", cache=tmp_path)
    assert np.array_equal(again.int8, made.int8, equal_nan=True)


def test_crops_are_cut_anew_for_another_frame(crops: Path, people: Path, models: Path) -> None:
    picture = people / "s3/1.pgm"
    finder = FaceFinder(size_px=96, template=WIDE_TEMPLATE, models=models)
    straight = finder.find_one(read_image(picture)).crop_rgb.astype(float)
    recut = crop_cutter(finder, DEFAULT_TEMPLATE)(read_image(crops / "s3/1.png")).crop_rgb
    assert recut is not None
    assert recut.shape == (96, 96, 3)
    # What lies inside the old crop is the same face at the same place.
    middle = slice(30, 66)
    assert np.abs(straight - recut)[middle, middle].mean() < 12
    same = FaceFinder(size_px=112, models=models)
    held = read_image(crops / "s3/1.png")
    assert crop_cutter(same, DEFAULT_TEMPLATE)(held).crop_rgb is held
    with pytest.raises(DataError, match="square"):
        crop_cutter(same, DEFAULT_TEMPLATE)(held[:100])


def test_faces_of_every_size_are_looked_for_in_frames(people: Path, models: Path) -> None:
    rows = measure_frames((people / "s1/1.pgm", people / "s3/2.pgm"), FaceFinder(size_px=48, models=models))
    assert [row["height_px"] for row in rows] == list(HEIGHTS_PX)
    assert all(0 <= row["acquired"] <= row["found"] <= row["frames"] == 2 for row in rows)
    assert rows[HEIGHTS_PX.index(224)]["found"] == 2


def test_a_trial_records_nothing(
    people: Path, tiny_tower_path: Path, page: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = page.read_bytes()
    assert run(page, cache, tiny_tower_path, "--people", people, "--no-att", "--limit", 3) == 0
    assert page.read_bytes() == before
    assert not (page.parent / "results").exists()
    assert "nothing was recorded" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--no-att"], "nothing to measure on"),
        (["--float", "tiny"], "NAME=PATH"),
        (["--float", "other=x.keras", "--no-att", "--photos", "x"], "none of the towers"),
        (["--float", "tiny=missing.keras", "--no-att", "--photos", "x"], "is no file"),
        (["--index", "x.csv", "--no-att", "--photos", "x"], "give one of these"),
        (["--people", "missing", "--no-att"], "not a folder"),
        (["--people", "PEOPLE", "--no-att", "--limit", "1"], "2 people or more"),
        (["--crops", "PEOPLE", "--no-att"], "faces.json"),
        (["--people", "CROPS", "--no-att"], "give it as --crops"),
        (["tests/data/tiny.tflite", "--no-att", "--photos", "x"], "one name"),
    ],
)
def test_a_wrong_call_is_one_line(
    words: list[str],
    said: str,
    people: Path,
    crops: Path,
    tiny_tower_path: Path,
    page: Path,
    cache: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    named = {"PEOPLE": str(people), "CROPS": str(crops), "tests/data/tiny.tflite": str(tiny_tower_path)}
    code = run(page, cache, tiny_tower_path, *(named.get(word, word) for word in words))
    lines = capsys.readouterr().err.strip().splitlines()
    assert code == 2
    assert lines[-1].startswith("error: ")
    assert said in lines[-1]
    assert not (page.parent / "results").exists()


def test_another_float_tower_is_refused(
    people: Path, tiny_tower_path: Path, page: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from train.keras_quietly import keras, known_warnings

    path = page.parent / "wrong.keras"
    image = keras.Input((32, 32, 1))
    with known_warnings():
        keras.Model(image, keras.layers.Flatten()(image)).save(path)
    assert run(page, cache, tiny_tower_path, "--float", f"tiny={path}", "--people", people, "--no-att") == 2
    assert "is another's" in capsys.readouterr().err


def test_the_page_is_what_the_results_give() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert with_figures(text, RESULTS) == text


def test_recorded_results_name_no_place_on_a_machine() -> None:
    for path in RESULTS.glob("*.json"):
        text = path.read_text(encoding="utf-8")
        assert not any(word in text for word in ("/home", "/root", "/tmp", "/work")), path
        assert json.loads(text)["command"].startswith("python -m benchmarks.towers "), path


def test_every_option_is_on_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for action in make_parser()._actions:
        for option in action.option_strings:
            if option.startswith("--") and option not in ("--help", "--json", "--debug"):
                assert f"`{option}" in text or f"{option} " in text, option


def test_a_page_without_marks_and_damaged_results_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no place for figures"):
        with_figures("# A page\n", tmp_path)
    assert "Not measured yet" in with_figures(f"{BEGIN}\n{END}\n", tmp_path)
    (tmp_path / "tiny.json").write_text('{"name": "tiny"}')
    with pytest.raises(DataError, match="Measure again"):
        with_figures(f"{BEGIN}\n{END}\n", tmp_path)


def test_crops_for_refined_landmarks_are_those_of_the_device(crops: Path, people: Path, models: Path) -> None:
    finder = FaceFinder(size_px=112, template=DLIB_TEMPLATE, models=models)
    straight = finder.find_one(read_image(people / "s3/1.pgm")).crop_rgb.astype(float)
    recut = crop_cutter(finder, DEFAULT_TEMPLATE)(read_image(crops / "s3/1.png")).crop_rgb
    assert recut is not None
    middle = slice(30, 80)
    assert np.abs(straight - recut)[middle, middle].mean() < 12
    with pytest.raises(DataError, match="cannot be cut anew"):
        crop_cutter(FaceFinder(size_px=112, models=models), DLIB_TEMPLATE)
