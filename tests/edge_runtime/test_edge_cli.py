"""The command line from enrolment to removal, as a user types it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from edge_helpers import GENUINE, IMPOSTOR, THRESHOLD, Command, listing, scene

from edge_runtime.commands.cli import build_parser
from edge_runtime.errors import DataError, FaceError, UsageError
from edge_runtime.faces.finder import FaceFinder
from edge_runtime.gallery.enrol import Enrolment, EnrolmentPolicy, check_usable, collect, self_similarity
from edge_runtime.images import read_image, write_image
from edge_runtime.sources.camera import PictureSource
from edge_runtime.towers.tower import Tower

People = Callable[[str, int, int], Path]


def test_the_whole_way(siamlite: Command, tiny_tower_path: Path, people: People, tmp_path: Path) -> None:
    place = ["--tower", tiny_tower_path, "--gallery", tmp_path / "g.db"]
    decide = [*place, "--threshold", THRESHOLD]
    code, out, err = siamlite("enroll", GENUINE, "--source", people(GENUINE, 1, 5), *place)
    assert (code, out) == (0, "")
    assert f"enrolled {GENUINE} with 5 samples, alike by 0." in err
    assert f"next: siamlite verify {GENUINE} " in err

    code, out, err = siamlite("verify", GENUINE, "--source", people(GENUINE, 6, 10), *decide)
    assert (code, err) == (0, "")
    assert out.startswith(f"accepted {GENUINE} similarity 0.")
    assert out.count("\n") == 1
    code, out, _ = siamlite("verify", GENUINE, "--source", people(IMPOSTOR, 1, 5), *decide)
    assert code == 1
    assert out.startswith(f"rejected {GENUINE} similarity ")

    code, out, _ = siamlite("identify", "--json", "--source", people(GENUINE, 6, 10), *decide)
    decision = json.loads(out)
    assert (code, decision["outcome"], decision["person"]) == (0, "accepted", GENUINE)
    assert decision["threshold"] == THRESHOLD
    code, out, _ = siamlite("identify", "--json", "--source", people(IMPOSTOR, 6, 10), *decide)
    decision = json.loads(out)
    assert (code, decision["outcome"], decision["person"], decision["nearest"]) == (1, "rejected", None, GENUINE)

    code, out, _ = siamlite("gallery", "list", "--gallery", tmp_path / "g.db")
    assert (code, out.split()[:6]) == (0, ["name", "templates", "enrolled", "tags", GENUINE, "5"])
    code, out, _ = siamlite("gallery", "list", "--json", "--gallery", tmp_path / "g.db")
    assert json.loads(out)["people"][0]["name"] == GENUINE
    assert siamlite("gallery", "remove", GENUINE, "--gallery", tmp_path / "g.db")[0] == 0
    assert "not enrolled" in siamlite.fails(3, "gallery", "remove", GENUINE, "--gallery", tmp_path / "g.db")
    assert "not enrolled" in siamlite.fails(3, "verify", GENUINE, "--source", "0", *decide)
    assert [p.name for p in tmp_path.iterdir()] == ["g.db"]


def test_a_name_that_is_taken_needs_force(
    siamlite: Command, tiny_tower_path: Path, gallery_path: Path, people: People
) -> None:
    place = ["--tower", tiny_tower_path, "--gallery", gallery_path]
    before = gallery_path.read_bytes()
    # The camera is not even opened.
    assert "--force" in siamlite.fails(2, "enroll", GENUINE, "--source", "99", *place)
    assert gallery_path.read_bytes() == before
    code, out, _ = siamlite("enroll", GENUINE, "--force", "--json", "--source", people(GENUINE, 6, 8), *place)
    assert (code, json.loads(out)["samples"]) == (0, 3)
    _, out, _ = siamlite("gallery", "list", "--json", "--gallery", gallery_path)
    assert [(p["name"], p["templates"]) for p in json.loads(out)["people"]] == [(GENUINE, 3)]


def test_unusable_pictures_are_skipped_and_named(
    siamlite: Command, tiny_tower_path: Path, people: People, tmp_path: Path, att_faces: Path
) -> None:
    folder = people(GENUINE, 1, 3)
    (folder / "4.jpg").write_bytes(b"")
    write_image(folder / "5.png", np.full((112, 92, 3), 90, np.uint8))
    write_image(folder / "6.png", scene(att_faces / GENUINE / "8.pgm", att_faces / IMPOSTOR / "1.pgm", width=480))
    place = ["--tower", tiny_tower_path, "--gallery", tmp_path / "g.db", "--source", folder]
    code, _, err = siamlite("enroll", "Ann", *place)
    assert code == 0
    assert "4.jpg is empty (0 bytes)" in err
    assert "skipped: 1× no-face" in err
    assert "skipped: 1× several-faces" in err
    assert "enrolled Ann with 3 samples" in err
    code, out, err = siamlite("verify", "Ann", "--threshold", THRESHOLD, "--frames", 9, *place)
    assert (code, out.split()[0]) == (0, "accepted")
    assert "4.jpg is empty (0 bytes)" in err


@pytest.mark.parametrize("kind", ["several", "nobody"])
def test_nobody_is_enrolled_without_one_face(
    kind: str, siamlite: Command, tiny_tower_path: Path, tmp_path: Path, att_faces: Path, tower: Tower,
    finder: FaceFinder,
) -> None:  # fmt: skip
    two = scene(att_faces / GENUINE / "8.pgm", att_faces / IMPOSTOR / "1.pgm", width=480)
    path = write_image(tmp_path / "p.png", two if kind == "several" else np.full((200, 200, 3), 90, np.uint8))
    reason = "several-faces 1×" if kind == "several" else "no-face 1×"
    with pytest.raises(FaceError, match=reason):
        collect(PictureSource(path), finder, tower, EnrolmentPolicy())
    words = ["--tower", tiny_tower_path, "--gallery", tmp_path / "g.db", "--source", path]
    line = siamlite.fails(2, "enroll", "Ann", *words)
    assert reason in line
    assert "Nobody was enrolled" in line
    assert list(listing(tmp_path)) == ["p.png"]


def test_a_video_is_verified_and_annotated(
    siamlite: Command, tiny_tower_path: Path, gallery_path: Path, att_faces: Path, tmp_path: Path
) -> None:
    wall = np.full((240, 320, 3), 96, np.uint8)
    shown = [scene(att_faces / GENUINE / f"{n}.pgm") for n in range(6, 11)] + [wall] * 8
    shown += [scene(att_faces / IMPOSTOR / f"{n}.pgm") for n in range(1, 6)]
    writer = cv2.VideoWriter(str(tmp_path / "v.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 5.0, (320, 240))
    for image in shown:
        writer.write(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    writer.release()
    place = ["--tower", tiny_tower_path, "--gallery", gallery_path, "--source", tmp_path / "v.avi"]
    decide = [*place, "--threshold", THRESHOLD, "--frames", 3, "--annotate", tmp_path / "seen"]
    code, out, err = siamlite("identify", "--watch", "--json", *decide)
    assert (code, err) == (0, "")
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["outcome"] for line in lines] == ["accepted", "rejected"]
    pictures = sorted(p.name for p in (tmp_path / "seen").iterdir())
    assert pictures == ["0000-accepted.jpg", "0001-rejected.jpg"]
    seen = read_image(tmp_path / "seen" / pictures[0]).astype(int)
    assert (seen[..., 1] - seen[..., [0, 2]].max(axis=2) > 50).sum() > 100
    code, _, err = siamlite("enroll", "Film", "--allow-duplicate", "--samples", 3, *place)
    assert (code, "enrolled Film with 3 samples" in err) == (0, True)
    line = siamlite.fails(2, "enroll", "Long", "--samples", 40, *place)
    assert "of 40 samples could be taken" in line


@pytest.mark.parametrize(
    "words",
    [
        ["--frames", "0"],
        ["--timeout", "0"],
        ["--timeout", "nan"],
        ["--threshold", "2"],
        ["--threshold", "nan"],
        ["--detector", "none"],
        ["--frames", "many"],
    ],
    ids=" ".join,
)
def test_wrong_options_are_usage_errors(
    words: list[str], siamlite: Command, tiny_tower_path: Path, gallery_path: Path
) -> None:
    place = ["--tower", tiny_tower_path, "--gallery", gallery_path, "--source", "none"]
    code, out, err = siamlite("identify", *words, *place)
    assert (code, out) == (2, "")
    assert "error: " in err.splitlines()[-1]
    assert "Traceback" not in err


def test_a_target_that_the_card_lacks_is_a_usage_error(
    siamlite: Command, tiny_tower_path: Path, gallery_path: Path
) -> None:
    place = ["--tower", tiny_tower_path, "--gallery", gallery_path, "--source", "none"]
    assert "--threshold" in siamlite.fails(2, "identify", "--fmr", "1e-9", *place)


@pytest.mark.parametrize("policy", [{"samples": 0}, {"samples": 51}, {"timeout_s": 0}, {"spacing_s": -1}])
def test_an_enrolment_that_cannot_end_is_refused(policy: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="must be"):
        EnrolmentPolicy(**policy)


def test_samples_that_contradict_each_other_are_refused(tower: Tower, finder: FaceFinder, people: People) -> None:
    enrolment = collect(PictureSource(people(GENUINE, 1, 4)), finder, tower, EnrolmentPolicy())
    rows = [template.embedding for template in enrolment.templates]
    looped = [float(rows[i] @ rows[j]) for i in range(4) for j in range(i)]
    assert enrolment.self_similarity == pytest.approx(sum(looped) / 6, abs=1e-6)
    assert self_similarity(enrolment.templates[:1]) is None
    check_usable(enrolment)
    with pytest.raises(DataError, match="do not resemble"):
        check_usable(Enrolment(templates=enrolment.templates, self_similarity=-0.1))


def test_every_command_has_help(siamlite: Command) -> None:
    assert siamlite("--version")[1].startswith("siamlite ")
    names = ["setup", "enroll", "verify", "identify", "watch", "compare", "gallery list", "bench", "doctor"]
    for words in (name.split() for name in names):
        code, out, _ = siamlite(*words, "--help")
        assert (code, "exit codes: 0" in out) == (0, True)
    assert siamlite()[0] == siamlite("nonsense")[0] == 2
    assert build_parser().prog == "siamlite"
