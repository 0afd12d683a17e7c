import shutil

import numpy as np
import pytest
from train_helpers import write_people

from edge_runtime.errors import DataError, TowerError, UsageError
from edge_runtime.faces.align import AlignmentTemplate
from edge_runtime.people import read_faces_mark, write_faces_mark
from edge_runtime.towers.preprocess import InputSpec
from train.config import TeacherConfig
from train.data.faces import load_faces
from train.losses.teacher import teacher_embeddings
from train.losses.teacher_table import match_names
from train.measure.evaluate import load_tower

STUDENT = InputSpec(size_px=16, colour="grey")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Four people with three faces of 48 px each: the student's are smaller, the teacher's are not."""
    return write_people(tmp_path_factory.mktemp("taught") / "faces", people=4, pictures=3, size_px=48)


@pytest.fixture(scope="module")
def faces(folder):
    return load_faces(folder, STUDENT)


def _unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _wanted(path, folder):
    tower = load_tower(path)
    return _unit(tower.embed(load_faces(folder, tower.colours).pixels))


def test_a_tflite_teacher_sees_its_own_size(tiny_tower_path, folder, faces, tmp_path):
    rows = teacher_embeddings(TeacherConfig(path=str(tiny_tower_path)), folder, faces, tmp_path / "cache")
    assert (rows.dtype, rows.shape) == (np.float32, (12, 64))
    np.testing.assert_allclose(rows, _wanted(tiny_tower_path, folder), atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("part", ["", "tower.keras"])
def test_a_run_teaches(tiny_run, part, folder, faces, tmp_path):
    rows = teacher_embeddings(TeacherConfig(path=str(tiny_run / part)), folder, faces, tmp_path)
    np.testing.assert_allclose(rows, _wanted(tiny_run, folder), atol=1e-5)


def test_rows_are_those_of_the_faces(tiny_tower_path, folder, faces, tmp_path):
    teacher = TeacherConfig(path=str(tiny_tower_path))
    whole = teacher_embeddings(teacher, folder, faces, tmp_path)
    order = np.array([11, 2, 7])
    np.testing.assert_array_equal(teacher_embeddings(teacher, folder, faces.take(order), tmp_path), whole[order])
    people = faces.people[1:3]
    some = teacher_embeddings(teacher, folder, faces.select(people), tmp_path)
    np.testing.assert_array_equal(some, whole[np.isin(faces.labels, [1, 2])])


def test_a_teacher_is_asked_once(tiny_tower_path, folder, faces, tmp_path):
    teacher = TeacherConfig(path=str(tiny_tower_path))
    rows = teacher_embeddings(teacher, folder, faces, tmp_path)
    (kept,) = tmp_path.iterdir()
    # Only the file can know of the change.
    np.savez(kept, embeddings=-rows)
    before = kept.stat().st_mtime_ns
    np.testing.assert_array_equal(teacher_embeddings(teacher, folder, faces, tmp_path), -rows)
    assert kept.stat().st_mtime_ns == before


def test_another_tower_or_order_is_asked_anew(tiny_tower_path, tiny_run, folder, faces, tmp_path):
    teacher_embeddings(TeacherConfig(path=str(tiny_tower_path)), folder, faces, tmp_path)
    teacher_embeddings(TeacherConfig(path=str(tiny_run)), folder, faces, tmp_path)
    turned = faces.take(np.arange(12)[::-1])
    teacher_embeddings(TeacherConfig(path=str(tiny_tower_path)), folder, turned, tmp_path)
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("damage", ["cut", "text", "empty", "short", "nan", "keys"])
def test_a_damaged_cache_is_made_again(damage, tiny_tower_path, folder, faces, tmp_path, caplog):
    teacher = TeacherConfig(path=str(tiny_tower_path))
    rows = teacher_embeddings(teacher, folder, faces, tmp_path)
    (kept,) = tmp_path.iterdir()
    good = kept.read_bytes()
    if damage in ("short", "nan"):
        np.savez(kept, embeddings=rows[:5] if damage == "short" else np.full_like(rows, np.nan))
    elif damage == "keys":
        np.savez(kept, other=rows)
    else:
        kept.write_bytes({"cut": good[: len(good) // 2], "text": b"no npz", "empty": b""}[damage])
    np.testing.assert_array_equal(teacher_embeddings(teacher, folder, faces, tmp_path), rows)
    assert kept.read_bytes() == good
    assert "made again" in caplog.text


def test_what_is_no_teacher(tmp_path, folder, faces):
    for name in ("missing", "missing.keras", "missing.tflite"):
        with pytest.raises(UsageError, match="is no tower"):
            teacher_embeddings(TeacherConfig(path=str(tmp_path / name)), folder, faces, tmp_path / "cache")
    (tmp_path / "bad.tflite").write_bytes(b"bad")
    with pytest.raises(TowerError):
        teacher_embeddings(TeacherConfig(path=str(tmp_path / "bad.tflite")), folder, faces, tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_pictures_the_teacher_lacks(tiny_tower_path, folder, faces, tmp_path):
    fewer = tmp_path / "faces"
    shutil.copytree(folder, fewer)
    (fewer / "p1/0.png").unlink()
    (fewer / "p2/2.png").unlink()
    with pytest.raises(DataError, match=r"2 of the pictures .* first p1/0\.png"):
        teacher_embeddings(TeacherConfig(path=str(tiny_tower_path)), fewer, faces, tmp_path / "cache")


def test_another_alignment_and_too_small_pictures(tiny_tower_path, tiny_faces, folder, faces, tmp_path):
    teacher, other = TeacherConfig(path=str(tiny_tower_path)), tmp_path / "faces"
    shutil.copytree(folder, other)
    template = AlignmentTemplate(name="other", points=((0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.5, 0.8)))
    mark = {"name": "other", "points": [list(point) for point in template.points]}
    write_faces_mark(other, {**read_faces_mark(folder), "template": mark})
    with pytest.raises(DataError, match="'other'"):
        teacher_embeddings(teacher, other, faces, tmp_path / "cache")
    with pytest.raises(DataError, match="48"):
        teacher_embeddings(teacher, tiny_faces, load_faces(tiny_faces, STUDENT), tmp_path / "cache")


def test_a_teacher_may_have_its_own_faces(tiny_tower_path, folder, tmp_path):
    """The student's are cut in another way and too small for the teacher; the names are the same."""
    small = write_people(tmp_path / "small", people=4, pictures=3, size_px=20)
    template = AlignmentTemplate(name="other", points=((0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.5, 0.8)))
    mark = {"name": "other", "points": [list(point) for point in template.points]}
    write_faces_mark(small, {**read_faces_mark(small), "template": mark})
    students = load_faces(small, STUDENT)
    own = tmp_path / "own"
    shutil.copytree(folder, own)
    teacher = TeacherConfig(path=str(tiny_tower_path), faces=str(own))
    rows = teacher_embeddings(teacher, small, students, tmp_path / "cache")
    np.testing.assert_allclose(rows, _wanted(tiny_tower_path, folder), atol=1e-6)
    # Another picture of the same name is another teaching.
    shutil.copy(own / "p1" / "0.png", own / "p0" / "0.png")
    again = teacher_embeddings(teacher, small, students, tmp_path / "cache")
    np.testing.assert_array_equal(again[1:], rows[1:])
    np.testing.assert_array_equal(again[0], rows[3])
    (own / "p2" / "1.png").unlink()
    with pytest.raises(DataError, match=r"lacks 1 of 12 pictures, first p2/1\.png"):
        teacher_embeddings(teacher, small, students, tmp_path / "cache")


@pytest.mark.parametrize("path", ["", "table.npz"])
def test_faces_are_for_a_tower_that_teaches(path):
    with pytest.raises(UsageError, match=r"teacher\.faces is for a tower"):
        TeacherConfig(path=path, faces="faces")


def _table(path, names, rows, **more):
    np.savez(path, path=np.array(names), descriptor=rows, **more)
    return TeacherConfig(path=str(path))


@pytest.mark.parametrize("lead", ["", "labelled/"])
@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_a_table_teaches(lead, kind, folder, faces, tmp_path):
    rng = np.random.default_rng(0)
    names = [lead + name for name in faces.names] + ["unlabelled/x.png", "p9/0.png"]
    rows, order = rng.normal(size=(len(names), 5)).astype(kind), rng.permutation(len(names))
    teacher = _table(tmp_path / "t.npz", np.array(names)[order], rows[order])
    found = teacher_embeddings(teacher, folder, faces, tmp_path / "cache")
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, _unit(rows[:12].astype(np.float32)), atol=1e-6)
    assert not (tmp_path / "cache").exists()


def test_a_leading_folder_is_left_out_only_where_that_helps():
    paths = ["a/p0/0.png", "b/p0/0.png", "b/p1/0.png", "p2/0.png"]
    assert match_names(paths, ["p2/0.png"])["p2/0.png"] == 3
    assert match_names(paths, ["p0/0.png", "p1/0.png"]) == {"p0/0.png": 1, "p1/0.png": 2}
    assert match_names(paths, ["q/0.png"]) == {name: row for row, name in enumerate(paths)}


def test_tables_that_cannot_teach(folder, faces, tmp_path):
    rows, names, path = np.ones((12, 4), np.float32), list(faces.names), tmp_path / "t.npz"

    def refused(says):
        with pytest.raises(DataError, match=says) as caught:
            teacher_embeddings(TeacherConfig(path=str(path)), folder, faces, tmp_path / "cache")
        assert "\n" not in str(caught.value)

    refused("cannot be read")
    for data in (b"", b"no npz", b"PK\x03\x04 cut"):
        path.write_bytes(data)
        refused("cannot be read")
    np.save(path.with_suffix(".npy"), rows)
    path.write_bytes(path.with_suffix(".npy").read_bytes())
    refused("cannot be read")
    _table(path, names[:-2], rows[:-2])
    refused(r"lacks 2 of 12 pictures, first p3/1\.png")
    _table(path, [*names, names[3]], np.ones((13, 4)))
    refused(r"names the picture p1/0\.png more than once")
    _table(path, names, rows[:5])
    refused("must hold texts of shape")
    _table(path, names, rows.astype(int))
    refused("must hold texts of shape")
    _table(path, np.arange(12), rows)
    refused("must hold texts of shape")
    _table(path, names, np.where(np.arange(12)[:, None] == 3, 0, rows))
    refused("zero or not finite")
    np.savez(path, path=np.array(names))
    refused("path and descriptor")


def test_a_table_is_never_unpickled(folder, faces, tmp_path):
    path = tmp_path / "t.npz"
    np.savez(path, path=np.array(list(faces.names), dtype=object), descriptor=np.ones((12, 4)))
    with pytest.raises(DataError, match="cannot be read"):
        teacher_embeddings(TeacherConfig(path=str(path)), folder, faces, tmp_path)
