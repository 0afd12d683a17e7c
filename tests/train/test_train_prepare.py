import csv
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from edge_runtime.errors import DataError, UsageError, WriteError
from edge_runtime.faces.align import TEMPLATES
from edge_runtime.faces.finder import FaceFinder
from edge_runtime.files import sha256_file
from edge_runtime.images import decode_image, read_image, write_image
from edge_runtime.people import read_faces_mark
from edge_runtime.towers.preprocess import InputSpec
from train.cli import main
from train.data.faces import load_faces
from train.data.sources.mark import folder_template
from train.prepare.cut import Job
from train.prepare.faces import prepare_faces
from train.prepare.journal import open_work
from train.prepare.sheet import Cell, draw_sheet, evenly, shorten
from train.prepare.workers import run_jobs

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def finder(models):
    return FaceFinder(size_px=64, models=models)


@pytest.fixture
def photographs(att_faces, tmp_path):
    raw = tmp_path / "raw"
    for person in (1, 2, 3):
        for picture in (1, 2, 3):
            target = raw / f"s{person}" / f"{picture}.pgm"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(att_faces / f"s{person}" / f"{picture}.pgm", target)
    return raw


def _files(folder):
    return {path.relative_to(folder).as_posix(): sha256_file(path) for path in folder.rglob("*") if path.is_file()}


def test_rejects_with_the_reason_and_keeps_the_rest(photographs, tmp_path, finder):
    (photographs / "s1" / "empty.jpg").write_bytes(b"")
    (photographs / "s1" / "text.png").write_text("not a picture")
    write_image(photographs / "s2" / "wall.png", np.full((120, 120, 3), 128, np.uint8))
    face = read_image(photographs / "s3" / "1.pgm")
    write_image(photographs / "s3" / "two.png", np.hstack([face, face]))
    (photographs / "s4").mkdir()
    (photographs / "s4" / "wall.png").write_bytes((photographs / "s2" / "wall.png").read_bytes())
    prepared = prepare_faces(photographs, tmp_path / "faces", finder=finder)
    assert (prepared.people, prepared.kept) == (3, 9)
    assert {item.picture: item.reason for item in prepared.rejected} == {
        "s1/empty.jpg": "unreadable",
        "s1/text.png": "unreadable",
        "s2/wall.png": "no-face",
        "s3/two.png": "several-faces",
        "s4/wall.png": "no-face",
    }
    with open(tmp_path / "faces" / "rejected.csv", newline="") as stream:
        assert [row["reason"] for row in csv.DictReader(stream)] == [item.reason for item in prepared.rejected]
    mark = read_faces_mark(tmp_path / "faces")
    assert mark["size_px"] == 64
    assert mark["kept"] == 9
    assert read_image(tmp_path / "faces" / "s1" / "1.png").shape == (64, 64, 3)
    assert not (tmp_path / "faces" / "s4").exists()


def test_the_same_photographs_give_the_same_bytes(photographs, tmp_path, finder):
    for name in ("a", "b"):
        prepare_faces(photographs, tmp_path / name, finder=finder)
    assert _files(tmp_path / "a") == _files(tmp_path / "b")


def test_names_never_collide(photographs, tmp_path, finder):
    source = photographs / "s1" / "1.pgm"
    (photographs / "s1" / "more").mkdir()
    for name in ("1.PGM", "more-1.pgm", "more/1.pgm", "more-1~2.pgm"):
        shutil.copy(source, photographs / "s1" / name)
    prepared = prepare_faces(photographs, tmp_path / "faces", finder=finder)
    assert prepared.kept == 13
    names = [path.name.casefold() for path in (tmp_path / "faces" / "s1").iterdir()]
    assert len(set(names)) == 7


def test_quality_limits_reject(photographs, tmp_path, capsys, models):
    out = tmp_path / "faces"
    assert main(["prepare", str(photographs), "--out", str(out), "--min-interocular", "200"]) == 2
    assert "9 face-too-small" in capsys.readouterr().err
    assert not out.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["raw"]


def _stop_after(finder, monkeypatch, pictures):
    """Make the finder count what it is asked for, and raise KeyboardInterrupt once after some pictures."""
    calls, stops = [], [KeyboardInterrupt]
    original = type(finder).find_one

    def counted(image_rgb, **options):
        calls.append(options["name"])
        if len(calls) == pictures and stops:
            raise stops.pop()
        return original(finder, image_rgb, **options)

    monkeypatch.setattr(finder, "find_one", counted)
    return calls


def test_an_interrupted_preparation_goes_on(photographs, tmp_path, finder, monkeypatch, caplog):
    write_image(photographs / "s1" / "0.png", np.full((120, 120, 3), 128, np.uint8))
    prepare_faces(photographs, tmp_path / "whole", finder=finder)
    calls = _stop_after(finder, monkeypatch, 5)
    with pytest.raises(KeyboardInterrupt):
        prepare_faces(photographs, tmp_path / "faces", finder=finder)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".faces.part", "raw", "whole"]
    work = tmp_path / ".faces.part"
    assert read_faces_mark(work) is None
    assert read_faces_mark(work / "faces") is None
    # A line that was cut off, a face that is damaged, one that belongs to no photograph, a photograph that changed.
    with open(work / "journal.jsonl", "a") as stream:
        stream.write('{"picture": "s9')
    (work / "faces" / "s1" / "1.png").write_bytes(b"damaged")
    (work / "faces" / "s1" / "7.png").write_bytes(b"left over")
    (work / "faces" / "s8").mkdir()
    calls.clear()
    with caplog.at_level("INFO"):
        prepare_faces(photographs, tmp_path / "faces", finder=finder)
    assert "4 photographs were done" in caplog.text
    assert calls == ["1.pgm", "1.pgm", "2.pgm", "3.pgm", "1.pgm", "2.pgm", "3.pgm"]
    assert _files(tmp_path / "faces") == _files(tmp_path / "whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["faces", "raw", "whole"]


def test_other_photographs_are_done_again(photographs, tmp_path, finder, monkeypatch):
    calls = _stop_after(finder, monkeypatch, 4)
    with pytest.raises(KeyboardInterrupt):
        prepare_faces(photographs, tmp_path / "faces", finder=finder)
    shutil.copy(photographs / "s1" / "3.pgm", photographs / "s1" / "1.pgm")
    calls.clear()
    prepare_faces(photographs, tmp_path / "faces", finder=finder)
    assert calls[0] == "1.pgm"
    assert len(calls) == 7
    assert sha256_file(tmp_path / "faces/s1/1.png") == sha256_file(tmp_path / "faces/s1/3.png")


def test_other_settings_start_anew_with_a_note(photographs, tmp_path, finder, models, monkeypatch, caplog):
    _stop_after(finder, monkeypatch, 4)
    with pytest.raises(KeyboardInterrupt):
        prepare_faces(photographs, tmp_path / "faces", finder=finder)
    prepare_faces(photographs, tmp_path / "faces", finder=FaceFinder(size_px=48, models=models))
    assert "starting anew" in caplog.text
    sizes = {read_image(path).shape for path in (tmp_path / "faces").glob("s*/*.png")}
    assert sizes == {(48, 48, 3)}


def test_two_processes_do_not_make_the_same_folder(photographs, tmp_path, finder):
    with (
        open_work(tmp_path / "faces", {"size_px": 64}),
        pytest.raises(UsageError, match="another process"),
    ):
        prepare_faces(photographs, tmp_path / "faces", finder=finder)
    with pytest.raises(UsageError, match="jobs"):
        prepare_faces(photographs, tmp_path / "faces", finder=finder, jobs=0)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_folder_that_cannot_be_written_is_one_error(many, tmp_path, finder, jobs):
    with open_work(tmp_path / "faces", {"size_px": 64}) as work:
        work.folder.joinpath("faces").write_bytes(b"a file where the folder should be")
        batch = [
            Job(path=path, picture=path.name, face=f"x/{path.name}", folder=work.faces)
            for path in sorted(many.rglob("*.pgm"))
        ]
        with pytest.raises(WriteError, match="goes on from there"):
            list(run_jobs(batch, finder, jobs))


@pytest.fixture
def many(photographs, att_faces):
    for person in range(1, 6):
        shutil.copytree(att_faces / f"s{person}", photographs / f"s{person}", dirs_exist_ok=True)
    (photographs / "s2" / "text.png").write_text("not a picture")
    return photographs


def test_several_processes_give_the_same_bytes(many, tmp_path, finder):
    alone = prepare_faces(many, tmp_path / "alone", finder=finder)
    several = prepare_faces(many, tmp_path / "several", finder=finder, jobs=3)
    assert _files(tmp_path / "alone") == _files(tmp_path / "several")
    assert (alone.kept, alone.rejected) == (several.kept, several.rejected)
    assert alone.kept == 50


def test_killed_processes_leave_no_one_behind_and_the_command_goes_on(many, tmp_path, finder):
    command = [sys.executable, "-m", "train", "prepare", str(many), "--out", str(tmp_path / "faces"), "--size", "64"]
    journal = tmp_path / ".faces.part" / "journal.jsonl"
    killed = subprocess.Popen([*command, "--jobs", "2"], cwd=ROOT, stderr=subprocess.DEVNULL)
    while killed.poll() is None and not (journal.exists() and journal.read_text().count("\n") > 5):
        time.sleep(0.01)
    workers = _children(killed.pid)
    killed.kill()
    killed.wait()
    assert len(workers) >= 2
    assert not (tmp_path / "faces").exists()
    for _ in range(500):
        if not any(Path(f"/proc/{worker}").exists() for worker in workers):
            break
        time.sleep(0.02)
    assert not [worker for worker in workers if Path(f"/proc/{worker}").exists()]
    done = subprocess.run([*command, "--jobs", "2"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0
    assert "going on with an interrupted preparation" in done.stderr
    prepare_faces(many, tmp_path / "alone", finder=finder)
    assert _files(tmp_path / "faces") == _files(tmp_path / "alone")


def _children(process):
    if not Path("/proc").is_dir():
        pytest.skip("needs /proc")
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def test_preparing_needs_no_tensorflow():
    code = (
        "import sys, train.prepare.faces, train.prepare.workers; "
        "sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_contact_sheets_are_no_ones_pictures(photographs, tmp_path, finder):
    for number in range(3):
        write_image(photographs / "s2" / f"wall{number}.png", np.full((120, 160, 3), 128 + number, np.uint8))
    out = tmp_path / "faces"
    prepare_faces(photographs, out, finder=finder)
    assert {path.name for path in out.glob("*.png")} == {"contact-kept.png", "contact-rejected.png"}
    for sheet in out.glob("*.png"):
        height, width = read_image(sheet).shape[:2]
        assert 300 < width < 1900
        assert 100 < height < 1100
    faces = load_faces(out, InputSpec(size_px=64, colour="rgb"))
    assert faces.people == ("s1", "s2", "s3")
    assert len(faces.labels) == 9


def test_a_contact_sheet_shows_two_hundred_at_most():
    assert evenly(5, 200) == [0, 1, 2, 3, 4]
    chosen = evenly(1000, 200)
    assert (len(set(chosen)), chosen[0], chosen[-1]) == (200, 0, 999)
    assert max(np.diff(chosen)) <= 6


def test_sheets_take_names_of_every_kind():
    picture = np.full((30, 60, 3), 200, np.uint8)
    cells = [Cell(picture=picture, caption=name) for name in ("$x_$", "山田太郎", "a" * 90)]
    cells += [Cell(picture=None), Cell(picture=picture[:, :, :1], frame="red")]
    data = draw_sheet(cells, title="names $ and more", columns=3, rows=("first", "second"))
    sheet = decode_image(data, name="the sheet")
    assert sheet.shape[0] == 34 + 2 * (84 + 11 + 6) + 6
    assert data == draw_sheet(cells, title="names $ and more", columns=3, rows=("first", "second"))
    assert (sheet == (255, 0, 0)).all(axis=-1).sum() > 600
    assert shorten("a" * 90, 9) == "aaaa…aaaa"


def test_force_replaces_prepared_faces_and_nothing_else(photographs, tmp_path, finder):
    out = tmp_path / "faces"
    prepare_faces(photographs, out, finder=finder)
    (out / "s1" / "old.png").write_bytes(b"old")
    with pytest.raises(UsageError, match="--force"):
        prepare_faces(photographs, out, finder=finder)
    prepare_faces(photographs, out, finder=finder, force=True)
    assert not (out / "s1" / "old.png").exists()
    letters = tmp_path / "letters"
    letters.mkdir()
    (letters / "dear.txt").write_text("x")
    with pytest.raises(UsageError, match="no prepared faces"):
        prepare_faces(photographs, letters, finder=finder, force=True)
    for inside in (photographs, photographs / "faces", tmp_path):
        with pytest.raises(UsageError, match="outside"):
            prepare_faces(photographs, inside, finder=finder, force=True)
    with pytest.raises(DataError, match="prepared already"):
        prepare_faces(out, tmp_path / "again", finder=finder)


def test_command_prints_the_report_and_the_next_command(photographs, tmp_path, capsys, models):
    out = tmp_path / "faces"
    assert main(["prepare", str(photographs), "--out", str(out), "--size", "64", "--json"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == {"folder": str(out), "people": 3, "kept": 9, "rejected": {}}
    assert f"python -m train fit --data {out}" in printed.err


def test_faces_are_cut_by_the_template_that_is_asked_for(photographs, tmp_path, capsys, models):
    words = ["prepare", str(photographs), "--size", "96", "--min-sharpness", "0", "--min-interocular", "8"]
    made = {name: tmp_path / name for name in ("dlib-chip", "dlib-chip-four", "wide")}
    for name, folder in made.items():
        assert main([*words, "--align", name, "--out", str(folder)]) == 0
    templates = {name: folder_template(folder) for name, folder in made.items()}
    assert templates == {name: TEMPLATES[name] for name in made}
    names = [path for path in _files(made["wide"]) if path.startswith("s1/")]
    crops = {name: read_image(made[name] / names[0]).astype(int) for name in made}
    apart = {name: np.abs(crops["dlib-chip"] - crops[name]).mean() for name in made}
    assert 0 < apart["dlib-chip-four"] < apart["wide"]
    spec = InputSpec(size_px=96, colour="rgb")
    assert load_faces(made["dlib-chip"], spec).template == TEMPLATES["dlib-chip"]
    capsys.readouterr()
    assert main([*words, "--align", "odd", "--out", str(tmp_path / "odd")]) == 2
    assert f"known are {', '.join(TEMPLATES)}" in capsys.readouterr().err
    assert not (tmp_path / "odd").exists()
