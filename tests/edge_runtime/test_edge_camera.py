"""Sources of frames that wait to be read: pictures, folders, videos; and sources that are none."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from edge_helpers import Command, scene

from edge_runtime.errors import ImageError, SourceError, UsageError
from edge_runtime.images import Image, encode_image, is_image_path, read_image, write_image
from edge_runtime.sources.camera import PictureSource, VideoSource, list_cameras, open_source, without_password


def write_video(path: Path, images: list[Image], *, rate: float = 5.0) -> Path:
    height, width = images[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), rate, (width, height))
    assert writer.isOpened()
    for image in images:
        writer.write(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    writer.release()
    return path


def test_a_folder_is_read_in_natural_order_with_damaged_pictures_named(tmp_path: Path, att_faces: Path) -> None:
    for number in (1, 2, 10):
        (tmp_path / f"p{number}.pgm").write_bytes((att_faces / f"s1/{number}.pgm").read_bytes())
    (tmp_path / "p3.jpg").write_bytes(b"")
    (tmp_path / "p4.png").write_bytes(b"no picture")
    (tmp_path / "notes.txt").write_bytes(b"text")
    (tmp_path / ".hidden.png").write_bytes(b"")
    source = open_source(str(tmp_path))
    assert isinstance(source, PictureSource)
    for _ in range(2):
        seen = list(source)
        assert [Path(frame.name).name for frame in seen] == ["p1.pgm", "p2.pgm", "p10.pgm"]
        assert [frame.time_s for frame in seen] == sorted({frame.time_s for frame in seen})
        assert all(frame.photo for frame in seen)
        assert len(source.unreadable) == 2
        assert "p3.jpg is empty (0 bytes)" in source.unreadable[0]
        assert "p4.png is not a picture" in source.unreadable[1]


def test_a_single_picture_is_a_source(att_faces: Path) -> None:
    (frame,) = open_source(str(att_faces / "s1" / "1.pgm"))
    assert frame.image_rgb.shape == (112, 92, 3)


def test_a_video_gives_its_frames_at_its_own_pace(tmp_path: Path, att_faces: Path) -> None:
    images = [scene(att_faces / f"s1/{n}.pgm") for n in range(1, 8)]
    source = open_source(str(write_video(tmp_path / "v.avi", images)))
    assert isinstance(source, VideoSource)
    seen = list(source)
    source.close()
    assert [frame.index for frame in seen] == list(range(7))
    np.testing.assert_allclose([frame.time_s for frame in seen], np.arange(7) / 5)
    assert not source.live
    for frame, image in zip(seen, images, strict=True):
        assert np.abs(frame.image_rgb.astype(int) - image).mean() < 6


def test_colours_are_red_green_blue(tmp_path: Path) -> None:
    image = np.zeros((64, 64, 3), np.uint8)
    image[..., 0] = 250
    (frame,) = open_source(str(write_image(tmp_path / "red.png", image)))
    np.testing.assert_array_equal(frame.image_rgb, image)
    (moment, *_) = open_source(str(write_video(tmp_path / "v.avi", [image] * 3)))
    assert moment.image_rgb[..., 0].mean() > 200
    assert moment.image_rgb[..., 2].mean() < 50


@pytest.mark.parametrize("kind", ["empty-folder", "all-empty", "text-video", "missing", "no-camera", "closed-port"])
def test_a_source_without_frames_is_one_line(
    kind: str, tmp_path: Path, siamlite: Command, tiny_tower_path: Path, gallery_path: Path
) -> None:
    folder = tmp_path / "source"
    folder.mkdir()
    source, words = {
        "empty-folder": (str(folder), "there are no pictures in"),
        "all-empty": (str(folder), r"1.jpg is empty (0 bytes). Copy it again or leave it out. (2 more like it)"),
        "text-video": (str(folder / "v.mp4"), "is not a video that can be decoded"),
        "missing": (str(folder / "nothing"), "there is no source"),
        "no-camera": ("99", "camera 99 cannot be opened"),
        "closed-port": ("http://ann:secret@127.0.0.1:9/v?pw=secret", "http://…@127.0.0.1:9/v?… cannot be opened"),
    }[kind]
    if kind == "all-empty":
        for number in (1, 2, 3):
            (folder / f"{number}.jpg").write_bytes(b"")
    if kind == "text-video":
        (folder / "v.mp4").write_text("This is a text file.\n" * 50)
    with pytest.raises(SourceError) as refusal:
        list(open_source(source))
    assert words in str(refusal.value)
    before = gallery_path.read_bytes()
    options = ["--tower", tiny_tower_path, "--gallery", gallery_path, "--source", source]
    for line in (
        siamlite.fails(3, "enroll", "Ann", *options),
        siamlite.fails(3, "identify", "--threshold", 0.5, *options),
    ):
        assert words in line
        assert "secret" not in line
    assert gallery_path.read_bytes() == before


@pytest.mark.parametrize("text", ["", "  ", "100", "200", "99999999999999999999", "/dev/video100"])
def test_a_source_that_cannot_be_is_a_usage_error(text: str) -> None:
    """OpenCV takes 200 for camera 0 of another driver, and refuses larger numbers with a traceback."""
    with pytest.raises(UsageError, match=r"source is empty|no camera"):
        open_source(text)


@pytest.mark.parametrize("text", ["²", "٣", "-1"])
def test_odd_digits_are_no_camera(text: str) -> None:
    with pytest.raises(SourceError, match="there is no source"):
        open_source(text)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtsp://ann:pw@cam/1", "rtsp://…@cam/1"),
        ("rtsp://ann:p@ss:w0rd@cam:554/1", "rtsp://…@cam:554/1"),
        ("http://ann:p/w@cam/v", "http://…@cam/v"),
        ("http://cam/v.cgi?user=ann&pwd=pw", "http://cam/v.cgi?…"),
        ("http://cam/v", "http://cam/v"),
        ("HTTP://ann@cam", "HTTP://…@cam"),
        ("pictures/ann@home?", "pictures/ann@home?"),
    ],
)
def test_passwords_are_not_shown(url: str, shown: str) -> None:
    assert without_password(url) == shown
    assert without_password(shown) == shown


def test_an_unknown_kind_of_url_does_not_show_its_password_either() -> None:
    with pytest.raises(SourceError) as refusal:
        open_source("ftp://ann:secret@cam/video")
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".pgm", ".bmp", ".tif"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_truncated_picture_is_refused_in_silence(
    suffix: str, share: float, tmp_path: Path, att_faces: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    picture = att_faces / "s1/1.pgm"
    data = picture.read_bytes() if suffix == ".pgm" else encode_image(read_image(picture), suffix)
    path = tmp_path / f"p{suffix}"
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(ImageError, match=r"is empty|is not a picture|is cut short or damaged"):
        read_image(path)
    assert capfd.readouterr().err == ""


def test_pictures_are_written_and_read_back(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    np.testing.assert_array_equal(read_image(write_image(tmp_path / "p.png", image)), image)
    assert read_image(write_image(tmp_path / "p.jpg", image)).shape == image.shape
    with pytest.raises(ImageError, match="cannot encode"):
        write_image(tmp_path / "p.xyz", image)
    with pytest.raises(ImageError, match="cannot read"):
        read_image(tmp_path / "none.png")
    assert sorted(os.listdir(tmp_path)) == ["p.jpg", "p.png"]
    assert is_image_path(Path("A.JPG"))
    assert not is_image_path(Path("a.txt"))
    assert not is_image_path(Path(".a.png"))


def test_cameras_are_listed_from_the_devices() -> None:
    assert all(name.startswith("/dev/video") for name in list_cameras())
