"""Network cameras: motion JPEG over HTTP and RTSP, stopped and started again while somebody looks."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from edge_helpers import GENUINE, THRESHOLD, Command, scene

from benchmarks.sources.cameras import HttpCamera, RtspCamera, rtsp_missing
from edge_runtime.errors import SourceError
from edge_runtime.images import Image, encode_image
from edge_runtime.sources.camera import (
    EventKind,
    Frame,
    LivePolicy,
    LiveSource,
    Moment,
    SourceOptions,
    Wait,
    open_source,
)

QUICK = LivePolicy(stall_s=2, patience_s=None, retry_first_s=0.05, retry_max_s=0.2)
RTSP_MISSING = rtsp_missing()


@pytest.fixture(scope="module")
def jpegs(att_faces: Path) -> list[bytes]:
    """One face in several pictures that differ by a corner, as those of a camera do by their noise."""
    pictures = []
    for level in range(8):
        image = scene(att_faces / GENUINE / "8.pgm")
        image[:16, :16] = 30 * level
        pictures.append(encode_image(image, ".jpg"))
    return pictures


def until(source: LiveSource, kind: EventKind | None) -> list[Moment]:
    """What a source gives up to an event; up to the first frame if None."""
    seen: list[Moment] = []
    for moment in source.moments():
        seen.append(moment)
        event = moment.event if isinstance(moment, Wait) else None
        if (kind is None and isinstance(moment, Frame)) or (event is not None and event.kind is kind):
            return seen
        assert len(seen) < 3000
    raise AssertionError(seen)


def live(url: str, policy: LivePolicy = QUICK, options: SourceOptions | None = None) -> LiveSource:
    source = open_source(url, live=policy, options=options)
    assert isinstance(source, LiveSource)
    assert source.live
    return source


def pull_and_plug(camera: HttpCamera | RtspCamera) -> None:
    """Stop a camera and start it again, twice: it is reported each time, and the frames go on."""
    source = live(camera.url)
    try:
        seen = until(source, None)
        for _ in range(2):
            camera.stop()
            seen += until(source, EventKind.UNREACHABLE)
            camera.start()
            seen += until(source, EventKind.RECOVERED)
            seen += until(source, None)
    finally:
        source.close()
    events = [moment.event for moment in seen if isinstance(moment, Wait) and moment.event is not None]
    happened = [event.kind for event in events if event.kind is not EventKind.UNREACHABLE]
    gone, back = {EventKind.LOST, EventKind.STALLED}, EventKind.RECOVERED
    assert happened[0] is EventKind.OPENED
    assert [happened[at] in gone for at in (1, 3)] == [True, True], happened
    assert [happened[at] for at in (2, 4)] == [back, back], happened
    assert not any("secret" in event.words or "ann:" in event.words for event in events)
    assert [moment.time_s for moment in seen] == sorted(moment.time_s for moment in seen)
    frames = [moment for moment in seen if isinstance(moment, Frame)]
    assert [frame.index for frame in frames] == sorted({frame.index for frame in frames})
    assert frames[0].image_rgb.shape == (240, 320, 3)


def test_an_http_camera_is_stopped_and_started_again(jpegs: list[bytes], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), HttpCamera(jpegs) as camera:
        pull_and_plug(camera)
    assert "…@127.0.0.1" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.skipif(RTSP_MISSING is not None, reason=str(RTSP_MISSING))
def test_an_rtsp_camera_is_stopped_and_started_again(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), RtspCamera() as camera:
        pull_and_plug(camera)
    assert "…@127.0.0.1" in caplog.text
    assert "secret" not in caplog.text


def test_a_camera_that_falls_silent_is_stalled_and_opened_again(jpegs: list[bytes]) -> None:
    with HttpCamera(jpegs, count=25, hang=True) as camera:
        source = live(camera.url, LivePolicy(stall_s=1, retry_first_s=0.05, retry_max_s=0.1))
        seen = until(source, EventKind.STALLED)
        until(source, EventKind.RECOVERED)
        source.close()
        assert camera.connections >= 2
    assert any(isinstance(moment, Frame) for moment in seen)


def test_a_camera_that_is_gone_for_good_is_an_error_in_the_end(jpegs: list[bytes]) -> None:
    policy = LivePolicy(stall_s=1, patience_s=1, retry_first_s=0.05, retry_max_s=0.1)
    with HttpCamera(jpegs) as camera:
        source = live(camera.url, policy)
        frames = iter(source)
        assert next(frames).name == source.name
        camera.stop()
        with pytest.raises(SourceError, match=r"127\.0\.0\.1:\d+/door gave no frame for 1 s \(") as failure:
            for _ in frames:
                pass
        source.close()
        camera.start()
    assert "secret" not in str(failure.value)


def test_frames_are_made_smaller_turned_and_mirrored(jpegs: list[bytes]) -> None:
    options = SourceOptions(size_px=(160, 160), rotation_deg=90, mirror=True)
    with HttpCamera(jpegs) as camera:
        plain, turned = live(camera.url), live(camera.url, options=options)
        first, second = next(iter(plain)).image_rgb, next(iter(turned)).image_rgb
        plain.close()
        turned.close()
    assert second.shape == (160, 120, 3)
    wanted = options.apply(first)
    # They are two moments, which differ in a corner.
    assert middle_difference(second, wanted) < 3
    assert middle_difference(second, np.ascontiguousarray(wanted[:, ::-1])) > 3


def middle_difference(first: Image, second: Image) -> float:
    return float(np.abs(first[20:-20, 20:-20].astype(int) - second[20:-20, 20:-20]).mean())


def test_a_person_is_verified_over_the_network(
    jpegs: list[bytes], siamlite: Command, gallery_path: Path, tiny_tower_path: Path
) -> None:
    options = ["--tower", tiny_tower_path, "--gallery", gallery_path, "--threshold", THRESHOLD, "--frames", 2]
    with HttpCamera(jpegs) as camera:
        code, out, err = siamlite("verify", GENUINE, "--source", camera.url, "--size", "320x240", *options)
    assert (code, err) == (0, "")
    assert out.startswith(f"accepted {GENUINE} similarity 0.")


def test_enrolment_from_a_stream_does_not_print_the_password(
    jpegs: list[bytes], siamlite: Command, tmp_path: Path, tiny_tower_path: Path
) -> None:
    options = ["--tower", tiny_tower_path, "--gallery", tmp_path / "g.db", "--samples", 2]
    with HttpCamera(jpegs) as camera:
        code, out, err = siamlite("enroll", "Ann", "--source", camera.url, *options)
    assert code == 0, err
    assert "enrolled Ann with 2 samples" in err
    assert "secret" not in out + err
