import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_runtime.errors import TowerError
from edge_runtime.images import encode_image, read_image, write_image
from train.cli import main
from train.prepare.audit import audit_faces
from train.prepare.audit_report import FILES
from train.prepare.likeness import alike_people, group_people, nearest_people, unlike_pictures
from train.prepare.near import near_faces

ROOT = Path(__file__).resolve().parents[2]


def _people(people=12, pictures=6, seed=0, spread=0.4):
    """Embeddings of people around random directions."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(people, 32))
    labels = np.repeat(np.arange(people), pictures)
    return centres[labels] + spread * rng.normal(size=(len(labels), 32)), labels


def _cosine(one, two):
    return float(one @ two / np.linalg.norm(one) / np.linalg.norm(two))


def test_medians_are_those_of_plain_loops():
    embeddings, labels = _people(people=4, pictures=5)
    labels[-1] = 4
    people = group_people(embeddings, labels)
    for row in range(len(labels) - 1):
        mates = [other for other in range(len(labels)) if labels[other] == labels[row] and other != row]
        expected = np.median([_cosine(embeddings[row], embeddings[other]) for other in mates])
        assert people.own[row] == pytest.approx(expected, abs=1e-5)
    assert people.within[0] == pytest.approx(np.median(people.own[labels == 0]))
    assert np.isnan(people.own[-1])
    assert np.isnan(people.within[4])
    means = [
        np.mean([_cosine(embeddings[0], embeddings[row]) for row in np.flatnonzero(labels == person)])
        for person in range(5)
    ]
    np.testing.assert_allclose(people.units[0] @ people.means.T, means, atol=1e-5)


def test_clean_people_give_no_findings():
    people = group_people(*_people(spread=0.2))
    assert unlike_pictures(people) == []
    assert alike_people(people) == []


def test_a_stranger_in_a_folder_is_found():
    embeddings, labels = _people()
    labels[8] = 7
    found = unlike_pictures(group_people(embeddings, labels))
    assert [item.row for item in found] == [8]
    assert found[0].person == 1
    assert found[0].other > 0.5 > found[0].own


def test_a_person_with_two_names_is_found():
    embeddings, labels = _people()
    labels[3:6] = 12
    found = alike_people(group_people(embeddings, labels))
    assert [(item.first, item.second) for item in found] == [(0, 12)]
    assert found[0].similarity >= found[0].limit


def test_a_person_in_two_sets_is_found():
    embeddings, labels = _people(pictures=8)
    here, there = np.arange(len(labels)) % 8 < 4, np.arange(len(labels)) % 8 >= 4
    first = group_people(embeddings[here & (labels < 8)], labels[here & (labels < 8)])
    later = there & (labels >= 6)
    found = alike_people(first, group_people(embeddings[later], labels[later] - 6))
    assert sorted((item.first, item.second) for item in found) == [(6, 0), (7, 1)]
    assert alike_people(first, group_people(*_people(seed=9))) == []


def test_the_nearest_person_is_named():
    embeddings, labels = _people(people=3)
    nearest = nearest_people(group_people(embeddings, labels))
    for person, (other, similarity) in enumerate(nearest):
        medians = {
            index: np.median(
                [_cosine(one, two) for one in embeddings[labels == person] for two in embeddings[labels == index]]
            )
            for index in range(3)
            if index != person
        }
        assert similarity == pytest.approx(medians[other], abs=1e-5)
    assert nearest_people(group_people(embeddings[labels == 0], labels[labels == 0])) == []


def test_one_person_or_single_pictures_are_no_ground_for_findings():
    embeddings, labels = _people()
    alone = group_people(embeddings[labels == 0], labels[labels == 0])
    assert unlike_pictures(alone) == []
    assert alike_people(alone) == []
    single = group_people(embeddings[::6], np.arange(12))
    assert unlike_pictures(single) == []
    assert alike_people(single) == []


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_useless_embeddings_are_refused(value):
    embeddings, labels = _people()
    embeddings[3] = value
    with pytest.raises(TowerError, match="zero or not finite"):
        group_people(embeddings, labels)


@pytest.fixture(scope="module")
def photographs(att_faces):
    """One square picture of each of forty people, uint8 of shape (40, 92, 92, 3)."""
    return np.stack([read_image(att_faces / f"s{person}" / "1.pgm")[15:107] for person in range(1, 41)])


def _altered(picture, kind):
    if kind == "jpeg":
        return cv2.imdecode(np.frombuffer(encode_image(picture, ".jpg", quality=40), np.uint8), cv2.IMREAD_COLOR)
    if kind == "small":
        return cv2.resize(cv2.resize(picture, (50, 50), interpolation=cv2.INTER_AREA), (92, 92))
    return cv2.convertScaleAbs(picture, alpha=1.1, beta=6)


@pytest.mark.parametrize("kind", ["jpeg", "small", "brighter"])
def test_altered_copies_are_found_and_strangers_are_not(photographs, kind):
    altered = np.stack([_altered(picture, kind) for picture in photographs])
    pairs = near_faces(photographs, altered)
    assert sorted(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)) == [(row, row) for row in range(40)]
    assert (np.diff(pairs.correlation) <= 0).all()
    both = near_faces(np.concatenate([photographs, altered]))
    assert sorted(zip(both.first.tolist(), both.second.tolist(), strict=True)) == [(row, row + 40) for row in range(40)]
    assert near_faces(photographs).first.size == 0
    assert near_faces(photographs[:, :, :, :1]).first.size == 0


@pytest.fixture
def faces(tiny_faces, tmp_path):
    """The tiny people, one picture of whom also stands under another."""
    folder = tmp_path / "faces"
    shutil.copytree(tiny_faces, folder)
    shutil.copy(folder / "p0" / "1.png", folder / "p3" / "9.png")
    return folder


def test_without_a_tower_copies_are_looked_for(faces, capsys):
    assert main(["prepare", str(faces), "--audit", "--json"]) == 0
    printed = capsys.readouterr()
    report = json.loads(printed.out)["audit"]
    assert report["tower"] is None
    assert set(report["counts"]) == {"copy-same-person", "copy-other-person"}
    # The pictures of a synthetic person are one pattern with a little noise, so they all are copies of each other.
    assert report["counts"]["copy-other-person"] >= 1
    with open(faces / "audit.csv", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["kind"] == "copy-other-person"]
    assert (rows[0]["first"], rows[0]["second"], rows[0]["note"]) == ("p0/1.png", "p3/9.png", "same bytes")
    assert json.loads((faces / "audit.json").read_text())["counts"] == report["counts"]
    assert read_image(faces / "audit.png").shape[1] > 300
    assert main(["prepare", str(faces), "--audit"]) == 2
    assert "--force" in capsys.readouterr().err
    assert main(["prepare", str(faces), "--audit", "--force"]) == 0
    assert "need --tower" in capsys.readouterr().out


def test_a_tower_finds_strangers_and_the_other_set(faces, tiny_faces, tiny_run, capsys):
    words = ["prepare", str(faces), "--audit", "--tower", str(tiny_run), "--against", str(tiny_faces)]
    assert main(words) == 0
    printed = capsys.readouterr()
    assert "25 pictures of 6 people" in printed.out
    summary = json.loads((faces / "audit.json").read_text())
    assert list(summary["counts"]) == sorted(
        ["copy-same-person", "copy-other-person", "copy-other-set", "unlike-person", "two-names", "person-other-set"]
    )
    assert summary["counts"]["copy-other-set"] >= 25
    assert [row["person"] for row in summary["by_person"]] == [f"p{number}" for number in range(6)]
    assert summary["by_person"][3]["pictures"] == 5
    audit = audit_faces(faces, tower=tiny_run, against=tiny_faces)
    assert ("p3/9.png", "p0") in [(item.first, item.second) for item in audit.findings if item.kind == "unlike-person"]
    shared = [(item.first, item.second) for item in audit.findings if item.kind == "person-other-set"]
    assert ("p1", "p1") in shared
    assert all(first == second for first, second in shared)
    assert {path.name for path in faces.iterdir() if path.is_file()} == {"faces.json", *FILES}


def test_an_audit_follows_the_preparation(att_faces, tmp_path, models, capsys):
    raw = tmp_path / "raw"
    for person in ("s1", "s2"):
        shutil.copytree(att_faces / person, raw / person)
    shutil.copy(raw / "s1" / "1.pgm", raw / "s2" / "copy.pgm")
    write_image(raw / "s2" / "again.png", read_image(raw / "s2" / "1.pgm"))
    assert main(["prepare", str(raw), "--out", str(tmp_path / "faces"), "--jobs", "1", "--audit", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["kept"] == 22
    assert report["audit"]["counts"]["copy-other-person"] == 1
    with open(tmp_path / "faces" / "audit.csv", newline="") as stream:
        pairs = {(row["first"], row["second"]) for row in csv.DictReader(stream)}
    assert {("s1/1.png", "s2/copy.png"), ("s2/1.png", "s2/again.png")} <= pairs


def test_auditing_copies_needs_no_tensorflow(faces):
    code = (
        "import sys; from train.prepare.audit import audit_faces; "
        f"audit_faces({str(faces)!r}); sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["prepare", "RAW"], "--out is missing"),
        (["prepare", "RAW", "--tower", "x"], "belong to --audit"),
        (["prepare", "RAW", "--audit", "--tower", "/nowhere"], "is no tower"),
        (["prepare", "RAW", "--audit", "--against", "/nowhere"], "/nowhere"),
        (["prepare", "/nowhere", "--audit"], "/nowhere"),
    ],
)
def test_wrong_use_is_one_line(faces, capsys, words, said):
    assert main([str(faces) if word == "RAW" else word for word in words]) == 2
    printed = capsys.readouterr().err
    assert said in printed
    assert printed.count("\n") == 1
    assert not (faces / "audit.csv").exists()
