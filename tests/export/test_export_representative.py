from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_runtime.errors import DataError
from export.pictures.crops import CropSet
from export.pictures.evaluation import evaluation_files
from export.pictures.representative import choose_representative
from export.sources.run import read_run

MakeRun = Callable[..., Path]
CopyPeople = Callable[..., Path]
TRAIN = {f"s{i}" for i in range(1, 9)}
VALIDATION = {f"s{i}" for i in range(9, 15)}


def _choose(folder: Path, run_folder: Path, evaluate: Path | None = None, samples: int = 300, seed: int = 0) -> CropSet:
    run = read_run(run_folder)
    files = evaluation_files(run, evaluate, seed=seed)
    return choose_representative(
        folder, run.spec, run.template, files, evaluated_where="there", run=run, samples=samples, seed=seed
    )


def test_validation_people_are_left_out_of_the_own_data(
    make_run: MakeRun, faces: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="export"):
        chosen = _choose(faces, make_run())
    assert {file.person for file in chosen.files} == TRAIN
    assert len(chosen.files) == 80
    assert "left out the people whom this run held back (s9, s10, s11, s12, s13 and 1 more)" in caplog.text


def test_validation_people_are_left_out_through_a_link_as_well(make_run: MakeRun, faces: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(faces)
    assert {file.person for file in _choose(link, make_run()).files} == TRAIN


def test_samples_are_seeded_and_spread_over_the_people(make_run: MakeRun, faces: Path) -> None:
    run = make_run()
    first, again, other = (_choose(faces, run, samples=16, seed=seed) for seed in (1, 1, 2))
    assert first.files == again.files
    assert first.sha256 == again.sha256 != other.sha256
    assert {person: [f.person for f in first.files].count(person) for person in TRAIN} == dict.fromkeys(TRAIN, 2)


def test_people_who_are_evaluated_are_refused_by_name(make_run: MakeRun, copy_people: CopyPeople) -> None:
    other = copy_people("other", ["s1", "s2", "s9", "s10"])
    with pytest.raises(DataError, match=r"share 2 people \(s9, s10\)"):
        _choose(other, make_run())


def test_pictures_that_are_evaluated_are_refused_under_any_name(make_run: MakeRun, copy_people: CopyPeople) -> None:
    renamed = copy_people("renamed", ["s1", "s9"], rename="x")
    with pytest.raises(DataError, match=r"share 10 pictures \(xs9/1\.png, "):
        _choose(renamed, make_run())


def test_an_explicit_evaluation_must_be_of_others(make_run: MakeRun, copy_people: CopyPeople) -> None:
    mine, theirs = copy_people("mine", ["s9", "s10", "s11"]), copy_people("theirs", ["s11", "s12"])
    with pytest.raises(DataError, match=r"share 1 people \(s11\)"):
        _choose(mine, make_run(), evaluate=theirs)


def test_nobody_is_evaluated_who_was_trained_on(make_run: MakeRun, copy_people: CopyPeople) -> None:
    run = read_run(make_run())
    with pytest.raises(DataError, match=r"1 people \(s2\).* that the tower was trained on"):
        evaluation_files(run, copy_people("named", ["s2", "s9"]), seed=0)
    with pytest.raises(DataError, match=r"10 pictures \(xs2/1\.png.* that the tower was trained on"):
        evaluation_files(run, copy_people("renamed", ["s2", "s9"], rename="x"), seed=0)


def test_by_default_the_validation_people_are_evaluated(make_run: MakeRun, faces: Path) -> None:
    run = read_run(make_run())
    for folder in (None, faces):
        files = evaluation_files(run, folder, seed=0)
        assert {file.person for file in files} == VALIDATION
        assert len(files) == 60


def test_lost_data_is_said_with_the_way_out(make_run: MakeRun, tmp_path: Path) -> None:
    run = read_run(make_run(data=str(tmp_path / "gone")))
    with pytest.raises(DataError, match=r"are not at .*gone any more.*--evaluate"):
        evaluation_files(run, None, seed=0)


def test_one_person_is_too_few(make_run: MakeRun, copy_people: CopyPeople) -> None:
    with pytest.raises(DataError, match="10 usable pictures of 1 people"):
        _choose(copy_people("one", ["s1"]), make_run())


def test_nine_pictures_are_too_few(make_run: MakeRun, copy_people: CopyPeople) -> None:
    folder = copy_people("few", ["s1", "s2", "s3"], pictures=3)
    with pytest.raises(DataError, match=r"9 usable pictures of 3 people \(0 skipped\); at least 10 of 2"):
        _choose(folder, make_run())


def test_text_files_are_counted_and_named(
    make_run: MakeRun, copy_people: CopyPeople, caplog: pytest.LogCaptureFixture
) -> None:
    folder = copy_people("text", ["s1", "s2"], pictures=2)
    for number in range(20):
        (folder / "s1" / f"note{number}.jpg").write_text(f"this is text {number}")
    with pytest.raises(DataError, match=r"4 usable pictures of 2 people \(20 skipped\)"):
        _choose(folder, make_run())
    assert "20 pictures skipped" in caplog.text
    assert "and 15 more" in caplog.text


def test_photographs_serve_as_well_as_prepared_faces(
    make_run: MakeRun, att_faces: Path, models: Path, tmp_path: Path
) -> None:
    photographs = tmp_path / "photographs"
    for person in ("s20", "s21"):
        shutil.copytree(att_faces / person, photographs / person)
    chosen = _choose(photographs, make_run())
    assert not chosen.prepared
    assert chosen.crops_rgb.shape == (len(chosen.files), 48, 48, 3)
    assert len(chosen.files) >= 10
