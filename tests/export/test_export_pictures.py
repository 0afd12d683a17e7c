from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.errors import DataError
from edge_runtime.faces.align import DEFAULT_TEMPLATE, TEMPLATES, AlignmentTemplate, template_values
from edge_runtime.files import write_json
from edge_runtime.images import read_image
from export.adoption.given import find_template
from export.pictures.crops import CropReader, PictureFile, interleave, list_files, load_crops, name_some

SIZE_PX = 48


def _files(counts: list[int]) -> list[PictureFile]:
    return [
        PictureFile(person=f"p{p}", name=f"p{p}/{i}.png", path=Path(f"p{p}/{i}.png"), sha256=f"{p}-{i}")
        for p, count in enumerate(counts)
        for i in range(count)
    ]


@given(st.lists(st.integers(1, 6), min_size=1, max_size=8), st.integers(0, 1000))
def test_every_beginning_of_the_order_is_spread_evenly(counts: list[int], seed: int) -> None:
    files = _files(counts)
    ordered = interleave(files, seed=seed)
    assert sorted(file.name for file in ordered) == sorted(file.name for file in files)
    total = Counter(file.person for file in files)
    for end in range(len(ordered) + 1):
        taken = Counter(file.person for file in ordered[:end])
        most = max(taken.values(), default=0)
        assert all(taken[person] >= min(total[person], most - 1) for person in total)


def test_the_seed_chooses_the_order_and_nothing_else_does() -> None:
    files = _files([5] * 6)
    assert interleave(files, seed=3) == interleave(files, seed=3)
    assert interleave(files, seed=3) != interleave(files, seed=4)


def test_unusable_pictures_are_skipped_with_a_reason(copy_people: Callable[..., Path]) -> None:
    folder = copy_people("mixed", ["s1", "s2"], pictures=2)
    (folder / "s1" / "3.png").write_text("not a picture")
    (folder / "s1" / "4.png").write_bytes(b"")
    (folder / "s2" / "9.png").write_bytes((folder / "s2" / "1.png").read_bytes())
    crops = load_crops(CropReader(folder, size_px=SIZE_PX, template=DEFAULT_TEMPLATE), list_files(folder), what="set")
    assert [file.name for file in crops.files] == ["s1/1.png", "s1/2.png", "s2/1.png", "s2/2.png"]
    reasons = dict(crops.skipped)
    assert "is not a picture" in reasons["s1/3.png"]
    assert "is empty" in reasons["s1/4.png"]
    assert reasons["s2/9.png"] == "the same picture as s2/1.png"
    assert crops.labels.tolist() == [0, 0, 1, 1]


def test_prepared_crops_are_taken_as_they_are(faces: Path) -> None:
    reader = CropReader(faces, size_px=SIZE_PX, template=DEFAULT_TEMPLATE)
    file = list_files(faces)[0]
    np.testing.assert_array_equal(reader.read(file), read_image(file.path))


def test_larger_prepared_crops_are_averaged_down(faces: Path) -> None:
    file = list_files(faces)[0]
    half = CropReader(faces, size_px=SIZE_PX // 2, template=DEFAULT_TEMPLATE).read(file)
    whole = read_image(file.path).astype(np.float64)
    averaged = whole.reshape(SIZE_PX // 2, 2, SIZE_PX // 2, 2, 3).mean(axis=(1, 3))
    assert np.abs(half - averaged).max() <= 1


def test_smaller_prepared_crops_are_refused(faces: Path) -> None:
    with pytest.raises(DataError, match=r"faces of 48 px; the tower takes 64.*train prepare"):
        CropReader(faces, size_px=64, template=DEFAULT_TEMPLATE)


def test_crops_of_another_template_are_refused(faces: Path) -> None:
    moved = tuple((x, y + 0.05) for x, y in DEFAULT_TEMPLATE.points)
    with pytest.raises(DataError, match="aligned to another template"):
        CropReader(faces, size_px=SIZE_PX, template=AlignmentTemplate(name="lower", points=moved))


@pytest.mark.parametrize("name", ["dlib-chip", "dlib-chip-four"])
def test_crops_of_other_landmarks_are_refused_with_the_way_out(faces: Path, name: str) -> None:
    with pytest.raises(DataError, match=f"prepare RAW --out FACES --size {SIZE_PX} --align {name}"):
        CropReader(faces, size_px=SIZE_PX, template=TEMPLATES[name])


@pytest.mark.parametrize("name", ["dlib-chip", "dlib-chip-four"])
def test_a_template_written_by_siamlite_is_read_whole(name: str, tmp_path: Path) -> None:
    file = tmp_path / "alignment.json"
    write_json(file, template_values(TEMPLATES[name]))
    assert find_template(str(file)) == find_template(name) == TEMPLATES[name]
    write_json(file, template_values(TEMPLATES[name]) | {"points": [[0.1, 0.2]], "refiner": "0"})
    with pytest.raises(DataError, match="holds no alignment template"):
        find_template(str(file))


def test_photographs_are_aligned_as_on_the_device(att_faces: Path, faces: Path, models: Path) -> None:
    reader = CropReader(att_faces, size_px=SIZE_PX, template=DEFAULT_TEMPLATE)
    assert not reader.prepared
    file = next(file for file in list_files(att_faces) if file.name == "s3/2.pgm")
    np.testing.assert_array_equal(reader.read(file), read_image(faces / "s3" / "2.png"))


def test_the_hash_of_a_set_follows_its_content_not_its_order(faces: Path) -> None:
    reader = CropReader(faces, size_px=SIZE_PX, template=DEFAULT_TEMPLATE)
    files = list_files(faces)[:6]
    forward, backward = load_crops(reader, files, what="set"), load_crops(reader, files[::-1], what="set")
    fewer = load_crops(reader, files, limit=5, what="set")
    assert forward.sha256 == backward.sha256 != fewer.sha256
    assert len(fewer.files) == 5


def test_long_lists_of_names_are_shortened() -> None:
    assert name_some(["a", "b"]) == "a, b"
    assert name_some(list("abcdefgh")) == "a, b, c, d, e and 3 more"
