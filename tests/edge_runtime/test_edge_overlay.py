"""What is drawn on frames: nothing is cut off, nothing fails, whatever stands in a name and wherever a face is."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from edge_helpers import GENUINE, IMPOSTOR, LAW, THRESHOLD, Command, scene
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.decisions.observe import Observation, SeenFace
from edge_runtime.errors import UsageError, WriteError
from edge_runtime.faces.detect import Face
from edge_runtime.images import Image, read_image, write_image
from edge_runtime.liveness.policy import Liveness
from edge_runtime.overlay.describe import overlay_of
from edge_runtime.overlay.ink import fit_text, mix, panel, plain, text_width, write
from edge_runtime.overlay.picture import STATES, FaceLabel, Overlay, draw_overlay
from edge_runtime.overlay.record import Recorder

SIZES = [(320, 240), (640, 480), (1280, 720), (480, 640), (64, 48)]
LONG = "Maximilian von und zu Hohenlohe-Wolfeschlegelsteinhausenbergerdorff"
TIMES = {"grab": 1.1, "detect": 6.1, "align": 0.7, "embed": 0.7, "match": 0.1, "decide": 0.0}
COORDINATE = st.floats(-200, 900, allow_nan=False)


def frame(width: int, height: int, grey: int = 128) -> Image:
    return np.full((height, width, 3), grey, np.uint8)


def crowd(width: int, height: int) -> Overlay:
    places = [(-0.1, -0.1), (0.4, 0.7), (0.8, 0.1), (0.3, 0.3)]
    faces = [
        FaceLabel(
            box_px=(x * width, y * height, (x + 0.2) * width, (y + 0.3) * height),
            state=state,
            name=LONG if number else "Bo",
            similarity=[0.9, -0.3, None, 0.2][number],
            reason="too dark: more light on the face",
            progress=[None, (3, 5), (0, 5), (7, 30)][number],
            landmarks_px=np.full((4, 2), x * width, np.float32),
        )
        for number, ((x, y), state) in enumerate(zip(places, STATES, strict=False))
    ]
    return Overlay(faces=faces, headline=LONG, detail=LONG, state="rejected", threshold=0.4, latency_ms=TIMES)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_frame_keeps_its_size_and_the_given_one_is_untouched(size: tuple[int, int]) -> None:
    image = frame(*size)
    drawn = draw_overlay(image, crowd(*size))
    assert (drawn.shape, drawn.dtype) == (image.shape, np.uint8)
    assert (image == 128).all()
    assert (drawn != 128).mean() > 0.2
    np.testing.assert_array_equal(draw_overlay(image, Overlay()), image)


@LAW
@given(box=st.tuples(COORDINATE, COORDINATE, COORDINATE, COORDINATE), name=st.text(max_size=40), value=st.floats(-1, 1))
def test_no_face_and_no_name_breaks_it(box: tuple[float, float, float, float], name: str, value: float) -> None:
    face = FaceLabel(box_px=box, state="looking", name=name, similarity=value, progress=(1, 3), reason=name)
    drawn = draw_overlay(frame(160, 120), Overlay(faces=[face], headline=name, detail=name, threshold=value))
    assert drawn.shape == (120, 160, 3)


def test_a_label_stays_inside_the_frame() -> None:
    """Its stripe and its panel change the frame only where the frame is: the name is whole at every border."""
    for left, top in ((-40, -40), (600, -40), (-40, 440), (600, 440)):
        face = FaceLabel(box_px=(left, top, left + 80, top + 80), state="accepted", name="Anna Lind")
        drawn = draw_overlay(frame(640, 480), Overlay(faces=[face]))
        white = (drawn > 240).all(axis=2)
        alone = frame(640, 480, 40)
        write(alone, "Anna Lind", 100, 100, 480 * 4 / 3 * 0.0175, (255, 255, 255), bold=True)
        assert abs(int(white.sum()) - int((alone > 240).all(axis=2).sum())) <= 3


@pytest.mark.parametrize("prompt", ["left", None])
def test_who_is_asked_to_move_reads_it_on_the_frame(prompt: str | None) -> None:
    face = Face(box_px=(10, 10, 60, 60), landmarks_px=np.full((4, 2), 30, np.float32), score=0.9)
    asked = Liveness(live=None, reason="challenge-not-done", advice="turn your head to the left", prompt=prompt)
    seen = Observation(problem=None, faces=(SeenFace(face=face, track=1, subject=True, liveness=asked),))
    overlay = overlay_of(seen, {}, None, threshold=0.5)
    assert (overlay.detail == "turn your head to the left") == (prompt is not None)


def test_names_are_written_in_the_letters_that_there_are() -> None:
    assert plain("Žofie Łukaszewska-Ångström") == "Zofie Lukaszewska-Angstrom"
    assert plain("张伟 ß\n") == "?? ss?"
    assert plain("a" + "\u0301" * 5) == "a"


@LAW
@given(text=st.text(st.characters(codec="ascii", categories=["L", "N", "Zs"]), max_size=60), width=st.integers(0, 400))
def test_a_text_that_was_cut_fits(text: str, width: int) -> None:
    short = fit_text(text, 9.0, width)
    assert short == "" or text_width(short, 9.0) <= width
    assert short == text or len(short) < len(text) + 3


@pytest.mark.parametrize("place", [(-50, -50), (5, 5), (95, 75), (200, 200), (-5, 40)])
def test_mixing_reaches_no_further_than_its_mask(place: tuple[int, int]) -> None:
    canvas = frame(100, 80, 0)
    mix(canvas, np.full((10, 20), 255, np.uint8), *place, (200, 100, 50))
    expected = frame(100, 80, 0)
    x, y = place
    expected[max(y, 0) : max(y + 10, 0), max(x, 0) : max(x + 20, 0)] = (200, 100, 50)
    np.testing.assert_array_equal(canvas, expected)
    half = frame(100, 80, 100)
    panel(half, *place, 20, 10, (200, 200, 200), opacity=0.5)
    assert set(np.unique(half)) <= {100, 150}


def test_a_mark_is_seen_before_black_and_white() -> None:
    face = FaceLabel(box_px=(50, 50, 120, 120), state="looking", name="Bo", similarity=0.5)
    for grey in (0, 255):
        drawn = draw_overlay(frame(320, 240, grey), Overlay(faces=[face], threshold=0.3)).astype(int)
        assert (np.abs(drawn - grey).max(axis=2) > 90).sum() > 200


def video(path: Path) -> tuple[int, tuple[int, int]]:
    """Number of frames and size."""
    capture = cv2.VideoCapture(str(path))
    count, shape = 0, (0, 0)
    while True:
        got, image = capture.read()
        if not got:
            break
        count, shape = count + 1, (image.shape[1], image.shape[0])
    capture.release()
    return count, shape


@pytest.mark.parametrize("suffix", [".mp4", ".avi"])
def test_a_video_takes_as_long_as_the_stream_did(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"new/v{suffix}"
    with Recorder(path, frames_per_s=10) as recorder:
        for time_s in (0.0, 0.1, 0.11, 0.12, 0.5, 1.0):
            recorder.add(frame(64, 48), time_s)
        # Another size, a clock that goes back, and a day without a frame.
        recorder.add(frame(48, 64), 0.2)
        recorder.add(frame(65, 49), 86_400.0)
    count, size = video(path)
    # Eleven in the first second, the one after it, ten seconds of stillness, and the last.
    assert (count, size) == (11 + 1 + 100 + 1, (64, 48))
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_video_is_whole_after_an_error_and_none_without_frames(tmp_path: Path) -> None:
    def interrupted() -> None:
        with Recorder(tmp_path / "v.mp4") as recorder:
            recorder.add(frame(64, 48), 0.0)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert video(tmp_path / "v.mp4")[0] == 1
    with Recorder(tmp_path / "none.mp4") as recorder:
        assert recorder.close() is None
    assert [p.name for p in tmp_path.iterdir()] == ["v.mp4"]


def test_a_video_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.mp4 or \.avi"):
        Recorder(tmp_path / "v.gif")
    (tmp_path / "v.mp4").write_bytes(b"mine")
    with pytest.raises(UsageError, match="--force"):
        Recorder(tmp_path / "v.mp4")
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(WriteError, match="cannot write the video"), Recorder(tmp_path / "file/v.mp4") as recorder:
        recorder.add(frame(64, 48), 0.0)
    assert (tmp_path / "v.mp4").read_bytes() == b"mine"


def test_watching_prints_lines_of_json_and_records(
    siamlite: Command, tiny_tower_path: Path, gallery_path: Path, att_faces: Path, tmp_path: Path
) -> None:
    for number, (person, picture) in enumerate([(GENUINE, 6), (GENUINE, 7), (GENUINE, 8)]):
        write_image(tmp_path / f"in/{number}.png", read_image(att_faces / person / f"{picture}.pgm"))
    words = ["--source", tmp_path / "in", "--tower", tiny_tower_path, "--gallery", gallery_path, "--frames", 3]
    words += ["--threshold", THRESHOLD, "--save-video", tmp_path / "v.mp4"]
    code, out, err = siamlite("watch", *words)
    assert (code, out.count("\n"), '"outcome": "accepted"' in out) == (0, 1, True)
    assert f"video: {tmp_path / 'v.mp4'}" in err
    count, size = video(tmp_path / "v.mp4")
    assert (count > 15, size) == (True, (92, 112))
    assert "--force" in siamlite("watch", *words)[2]


def test_a_window_that_cannot_be_opened_is_one_line(
    siamlite: Command, tiny_tower_path: Path, gallery_path: Path, att_faces: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    words = ["--source", att_faces / GENUINE, "--tower", tiny_tower_path, "--gallery", gallery_path]
    line = siamlite.fails(3, "identify", "--window", "--threshold", THRESHOLD, *words)
    assert "leave out --window" in line


def test_two_pictures_are_compared(siamlite: Command, tiny_tower_path: Path, att_faces: Path, tmp_path: Path) -> None:
    def pair(a: Path, b: Path, *more: object) -> tuple[int, str, str]:
        return siamlite("compare", a, b, "--tower", tiny_tower_path, "--threshold", THRESHOLD, *more)

    mine, also, other = att_faces / GENUINE / "1.pgm", att_faces / GENUINE / "6.pgm", att_faces / IMPOSTOR / "1.pgm"
    code, out, err = pair(mine, also, "--out", tmp_path / "pair.png")
    assert (code, out.split()[0]) == (0, "same")
    assert f"drawn: {tmp_path / 'pair.png'}" in err
    assert read_image(tmp_path / "pair.png").shape[0] > 480
    code, out, _ = pair(mine, other, "--json")
    found = json.loads(out)
    assert (code, found["verdict"], found["same"]) == (1, "different", False)
    assert [p["path"] for p in found["pictures"]] == [str(mine), str(other)]
    assert found["pictures"][0]["quality"]["interocular_px"] > 20
    dark = write_image(tmp_path / "dark.png", read_image(also) // 8)
    code, out, err = pair(mine, dark, "--out", tmp_path / "dark-pair.png")
    assert (code, out.split()[0]) == (1, "low-quality")
    assert "too-dark" in err
    assert pair(mine, mine, "--out", tmp_path / "pair.png")[0] == 2
    wall = write_image(tmp_path / "wall.png", frame(200, 200))
    assert "no face" in siamlite.fails(2, "compare", mine, wall, "--tower", tiny_tower_path, "--threshold", 0.5)
    assert "cannot read" in siamlite.fails(2, "compare", mine, tmp_path / "no.png", "--tower", tiny_tower_path)


def test_everybody_is_told_of_and_labelled_with_all(
    siamlite: Command, tiny_tower_path: Path, gallery_path: Path, att_faces: Path, tmp_path: Path
) -> None:
    for number in (6, 7, 8):
        pair = scene(att_faces / GENUINE / f"{number}.pgm", att_faces / IMPOSTOR / f"{number}.pgm", width=480)
        write_image(tmp_path / f"in/{number}.png", pair)
    words = ["--source", tmp_path / "in", "--tower", tiny_tower_path, "--gallery", gallery_path]
    words += ["--threshold", THRESHOLD, "--frames", 1, "--annotate", tmp_path / "seen"]
    code, out, _ = siamlite("watch", "--faces", "all", *words)
    decisions = [json.loads(line) for line in out.splitlines()]
    assert (code, len(decisions)) == (0, 6)
    # One picture alone is little for a small tower: not every one of the same person is accepted.
    assert {decision["person"] for decision in decisions} == {GENUINE, None}
    drawn = read_image(next((tmp_path / "seen").glob("*-accepted.jpg"))).astype(int)
    assert (drawn[..., 1] - drawn[..., [0, 2]].max(axis=2) > 50).sum() > 100
    assert (drawn[..., 0] - drawn[..., [1, 2]].max(axis=2) > 50).sum() > 100
    code, out, _ = siamlite("identify", "--faces", "largest", *words)
    assert (code, out.split()[0]) in [(0, "accepted"), (1, "rejected")]
    assert "--faces" in siamlite("watch", "--faces", "both", *words)[2]
