"""A Raspberry Pi's own cameras, with a stand-in for what picamera2 documents: the library runs on a Pi alone.

The stand-in is strict where the library is: what it does not document is an error, a camera must be configured before
it is started and started before it gives a picture, it can be opened once only, and an array of the format ``BGR888``
is in the order red, green, blue.
"""

from __future__ import annotations

import sys
import types
from typing import Any, ClassVar

import numpy as np
import pytest
from edge_helpers import Command

from edge_runtime.errors import MissingDependency, SourceError
from edge_runtime.images import Image
from edge_runtime.sources.camera import EventKind, Frame, LivePolicy, SourceOptions, Wait, open_source
from edge_runtime.sources.picamera import open_picamera

RED = (200, 20, 10)


def library(attached: int = 2, *, broken: bool = False, last_picture: int | None = None) -> Any:
    """A module ``picamera2`` with cameras before which everything is red."""

    class Picamera2:
        held: ClassVar[set[int]] = set()
        made: ClassVar[list[Picamera2]] = []

        @staticmethod
        def global_camera_info() -> list[dict[str, object]]:
            return [{"Num": number, "Model": "imx708", "Id": f"/base/{number}"} for number in range(attached)]

        def __init__(self, camera_num: int = 0) -> None:
            if camera_num in self.held:
                raise RuntimeError("Camera __init__ sequence did not complete.")
            self.held.add(camera_num)
            self.number, self.state, self.taken = camera_num, "opened", 0
            self.made.append(self)

        def create_video_configuration(
            self, main: dict[str, Any] | None = None, controls: dict[str, Any] | None = None
        ) -> dict[str, Any]:
            return {"use": "video", "main": main, "controls": controls}

        def configure(self, camera_config: dict[str, Any]) -> None:
            assert self.state == "opened"
            self.config, self.state = camera_config, "configured"

        def start(self) -> None:
            assert self.state == "configured"
            if broken:
                raise RuntimeError("Failed to start camera: Device or resource busy")
            self.state = "started"

        def capture_array(self, name: str = "main") -> Image:
            assert (self.state, name) == ("started", "main")
            self.taken += 1
            if last_picture is not None and self.taken > last_picture:
                raise RuntimeError("camera is gone")
            width, height = self.config["main"]["size"]
            image = np.empty((height, width, 3), np.uint8)
            image[:] = RED if self.config["main"]["format"] == "BGR888" else RED[::-1]
            image[0, 0] = self.taken % 256
            return image

        def stop(self) -> None:
            self.state = "stopped"

        def close(self) -> None:
            self.state = "closed"
            self.held.discard(self.number)

    module: Any = types.ModuleType("picamera2")
    module.Picamera2 = Picamera2
    return module


@pytest.fixture
def picamera2(monkeypatch: pytest.MonkeyPatch) -> Any:
    module = library()
    monkeypatch.setitem(sys.modules, "picamera2", module)
    return module


@pytest.mark.parametrize(("text", "number"), [("picamera", 0), ("picamera:1", 1)])
def test_the_camera_is_opened_with_size_and_rate_and_gives_red_green_blue(
    text: str, number: int, picamera2: Any
) -> None:
    source = open_source(text, options=SourceOptions(size_px=(320, 240), frames_per_s=15))
    frame = next(iter(source))
    source.close()
    (camera,) = picamera2.Picamera2.made
    assert camera.number == number
    assert camera.config == {
        "use": "video",
        "main": {"size": (320, 240), "format": "BGR888"},
        "controls": {"FrameRate": 15},
    }
    assert camera.state == "closed"
    assert frame.name == f"picamera {number}"
    assert frame.image_rgb.shape == (240, 320, 3)
    assert tuple(frame.image_rgb[100, 100]) == RED


def test_a_camera_that_fails_is_let_go_of_and_opened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", library(last_picture=3))
    policy = LivePolicy(retry_first_s=0.001, retry_max_s=0.001, patience_s=None)
    source = open_source("picamera", live=policy)
    kinds: list[EventKind] = []
    for moment in source.moments():
        if isinstance(moment, Wait) and moment.event is not None:
            kinds.append(moment.event.kind)
        if kinds.count(EventKind.RECOVERED) == 2 and isinstance(moment, Frame):
            break
        assert len(kinds) < 100
    source.close()
    # It can be opened once at a time only, so each one was closed before the next.
    lost, back = EventKind.LOST, EventKind.RECOVERED
    assert kinds[:5] == [EventKind.OPENED, lost, back, lost, back]


def test_a_camera_that_is_not_attached_is_one_line(picamera2: Any, siamlite: Command, tiny_tower_path: Any) -> None:
    with pytest.raises(SourceError, match="picamera 2 cannot be opened: 2 are attached, counted from 0"):
        open_source("picamera:2")
    line = siamlite.fails(3, "enroll", "Ann", "--source", "picamera:7", "--tower", tiny_tower_path)
    assert "rpicam-hello --list-cameras" in line


def test_a_camera_that_cannot_be_started_is_closed() -> None:
    module = library(1, broken=True)
    with pytest.raises(SourceError, match=r"Device or resource busy\. Does another program use it\?"):
        open_picamera(0, SourceOptions(), module)
    assert module.Picamera2.made[0].state == "closed"


def test_without_the_library_it_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, siamlite: Command, tiny_tower_path: Any
) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", None)
    with pytest.raises(MissingDependency, match="sudo apt install python3-picamera2"):
        open_source("picamera", live=LivePolicy(patience_s=None))
    line = siamlite.fails(3, "enroll", "Ann", "--source", "picamera", "--tower", tiny_tower_path)
    assert "--system-site-packages" in line
