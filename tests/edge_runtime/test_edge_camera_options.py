"""What can be asked of a source, and which source the words mean."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from edge_helpers import LAW, Command
from hypothesis import given
from hypothesis import strategies as st
from test_edge_camera import write_video

from edge_runtime.commands.given import opened
from edge_runtime.errors import SourceError, UsageError
from edge_runtime.images import Image, write_image
from edge_runtime.sources.camera import (
    EventKind,
    Frame,
    PictureSource,
    SourceOptions,
    VideoSource,
    Wait,
    moments,
    open_source,
)
from edge_runtime.sources.health import PictureHealth, is_black, same_picture
from edge_runtime.sources.names import is_url, picamera_number, video_device
from edge_runtime.sources.options import parse_size, shrunk

SIDES = st.integers(1, 200)
TURNS = {0: 0, 90: -1, 180: 2, 270: 1}


def noise(height: int, width: int, seed: int = 0) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@LAW
@given(SIDES, SIDES, st.sampled_from(sorted(TURNS)), st.booleans())
def test_frames_are_turned_clockwise_and_then_mirrored(height: int, width: int, degrees: int, mirror: bool) -> None:
    image = noise(height, width)
    wanted = np.rot90(image, TURNS[degrees])
    wanted = wanted[:, ::-1] if mirror else wanted
    np.testing.assert_array_equal(SourceOptions(rotation_deg=degrees, mirror=mirror).apply(image), wanted)


@LAW
@given(SIDES, SIDES, st.integers(16, 300), st.integers(16, 300))
def test_frames_shrink_to_fit_and_never_grow(height: int, width: int, right: int, below: int) -> None:
    image = noise(height, width)
    small = shrunk(image, (right, below))
    assert small.shape[0] <= max(1, below)
    assert small.shape[1] <= max(1, right)
    if width <= right and height <= below:
        assert small is image
    else:
        assert small.shape[1] == right or small.shape[0] == below
        assert abs(small.shape[1] * height - small.shape[0] * width) <= max(height, width)


@pytest.mark.parametrize(("text", "size"), [("640x480", (640, 480)), ("1280X720", (1280, 720)), (" 32×16 ", (32, 16))])
def test_sizes_are_read(text: str, size: tuple[int, int]) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "640", "640x", "x480", "640x480x3", "-640x480", "6.4x4.8", "٣x٣", "999999x1"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="WIDTHxHEIGHT"):
        parse_size(text)


@pytest.mark.parametrize(
    "wrong",
    [
        {"size_px": (0, 480)},
        {"size_px": (640, 99_999)},
        {"frames_per_s": 0},
        {"frames_per_s": float("nan")},
        {"rotation_deg": 45},
    ],
)
def test_options_that_nothing_could_give_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        SourceOptions(**wrong)  # type: ignore[arg-type]


def test_a_video_keeps_every_frame_whatever_the_rate(tmp_path: Path) -> None:
    images = [np.full((48, 64, 3), 20 * n, np.uint8) for n in range(9)]
    video = write_video(tmp_path / "v.avi", images, rate=25)
    source = open_source(str(video), options=SourceOptions(frames_per_s=2, rotation_deg=90, size_px=(32, 32)))
    assert isinstance(source, VideoSource)
    seen = [moment for moment in moments(source) if isinstance(moment, Frame)]
    source.close()
    assert [frame.index for frame in seen] == list(range(9))
    assert [frame.time_s for frame in seen] == [n / 2 for n in range(9)]
    assert {frame.image_rgb.shape for frame in seen} == {(32, 24, 3)}
    for frame, image in zip(seen, images, strict=True):
        assert abs(float(frame.image_rgb.mean()) - float(image.mean())) < 4


def test_a_glob_names_pictures_in_natural_order(tmp_path: Path) -> None:
    for number in (10, 9, 1):
        write_image(tmp_path / f"door{number}.png", noise(20, 30, number))
    write_image(tmp_path / "deep" / "door2.png", noise(20, 30))
    (tmp_path / "door3.txt").write_text("no picture")
    source = open_source(str(tmp_path / "door*"))
    assert isinstance(source, PictureSource)
    assert [Path(frame.name).name for frame in source] == ["door1.png", "door9.png", "door10.png"]
    assert len(list(open_source(str(tmp_path / "**" / "*.png")))) == 4
    with pytest.raises(SourceError, match=r"there are no pictures in .*gate.*in quotes"):
        open_source(str(tmp_path / "gate*.png"))


def test_a_file_whose_name_looks_like_a_glob_is_that_file(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a[1].png", noise(20, 30))
    assert [frame.name for frame in open_source(str(path))] == [str(path)]


def test_photographs_are_turned_and_have_no_rate(tmp_path: Path) -> None:
    path = write_image(tmp_path / "p.png", noise(20, 30))
    (frame,) = open_source(str(path), options=SourceOptions(rotation_deg=90))
    np.testing.assert_array_equal(frame.image_rgb, np.rot90(noise(20, 30), -1))
    with pytest.raises(UsageError, match="which have no rate"):
        open_source(str(path), options=SourceOptions(frames_per_s=5))


def test_words_mean_cameras(tmp_path: Path) -> None:
    assert video_device("0") == video_device("/dev/video0") == 0
    assert video_device("/dev/v4l/by-id/usb-camera-index0") == Path("/dev/v4l/by-id/usb-camera-index0")
    assert video_device(str(tmp_path)) is None
    assert video_device("/dev") is None
    assert [picamera_number(text) for text in ("picamera", "picamera:1", "picamera:", "picameras", "0")] == [
        0,
        1,
        None,
        None,
        None,
    ]
    with pytest.raises(UsageError, match="no camera 100"):
        picamera_number("picamera:100")
    assert is_url("RTSP://cam/1")
    assert not is_url("file:///etc/passwd")


def test_a_device_that_is_not_there_is_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SourceError, match=r"camera /dev/v4l/by-id/nothing cannot be opened: is it plugged in"):
        open_source("/dev/v4l/by-id/nothing")
    assert capfd.readouterr().err == ""


def test_a_patient_command_waits_for_a_camera_that_is_not_there() -> None:
    with opened("/dev/v4l/by-id/nothing", patient=True) as source:
        events = [m.event for m in itertools.islice(source.moments(), 4) if isinstance(m, Wait) and m.event is not None]
    assert EventKind.UNREACHABLE in [event.kind for event in events]
    assert list(moments(source)) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--size", "huge"], "WIDTHxHEIGHT"),
        (["--size", "1x1"], "16 to 16384 px"),
        (["--rate", "0"], "0.1 to 1000 frames a second"),
        (["--rate", "5"], "which have no rate"),
    ],
)
def test_wrong_options_are_one_line(
    words: list[str], message: str, att_faces: Path, siamlite: Command, tiny_tower_path: Path, gallery_path: Path
) -> None:
    options = ["--tower", tiny_tower_path, "--gallery", gallery_path, "--threshold", 0.5]
    assert message in siamlite.fails(2, "identify", "--source", att_faces / "s1", *options, *words)


def test_enrolment_turns_pictures_that_lie_on_their_side(
    att_faces: Path, tmp_path: Path, siamlite: Command, tiny_tower_path: Path
) -> None:
    from edge_runtime.images import read_image

    for number in (1, 2):
        turned = np.ascontiguousarray(np.rot90(read_image(att_faces / f"s1/{number}.pgm")))
        write_image(tmp_path / "side" / f"{number}.png", turned)
    options = ["--source", tmp_path / "side", "--tower", tiny_tower_path, "--gallery", tmp_path / "g.db"]
    siamlite.fails(2, "enroll", "Ann", *options)
    code, _, err = siamlite("enroll", "Ann", *options, "--rotate", 90)
    assert code == 0, err


def test_health_knows_frozen_and_black_pictures() -> None:
    health = PictureHealth(frozen_s=2, black_s=1)
    for time_s, seed in ((0.0, 1), (1.0, 2), (2.5, 2), (2.9, 2)):
        health.look(noise(40, 60, seed), time_s)
        assert not health.frozen
    health.look(noise(40, 60, 2), 3.0)
    assert health.frozen
    assert health.still_s(3.0) == 2.0
    health.look(noise(40, 60, 3), 3.1)
    assert not health.frozen
    dark = noise(40, 60) // 40
    assert is_black(dark)
    health.look(dark, 4.0)
    assert not health.black
    health.look(dark + 1, 5.0)
    assert health.black
    assert not health.frozen
    health.look(noise(40, 60), 5.1)
    assert not health.black


def test_no_limit_means_never() -> None:
    health = PictureHealth(frozen_s=0, black_s=0)
    for time_s in (0.0, 1e6):
        health.look(np.zeros((40, 60, 3), np.uint8), time_s)
    assert not health.frozen
    assert not health.black


@LAW
@given(st.integers(0, 39), st.integers(0, 59), st.integers(0, 2))
def test_one_changed_value_makes_another_picture(row: int, column: int, channel: int) -> None:
    first, second = noise(40, 60), noise(40, 60)
    assert same_picture(first, second)
    second[row, column, channel] ^= 1
    assert not same_picture(first, second)
    assert not same_picture(first, first[:, :30])
