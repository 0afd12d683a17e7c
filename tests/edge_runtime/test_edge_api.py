"""The examples of docs/api.md run as they stand."""

from __future__ import annotations

import dataclasses
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest
from edge_helpers import GENUINE, IMPOSTOR, ROOT, scene

import edge_runtime
from edge_runtime.towers.bundle import Bundle, pack_bundle, read_bundle
from edge_runtime.towers.tower import Tower

EXAMPLES = re.findall(r"```python\n(.*?)```", (ROOT / "docs/api.md").read_text(), flags=re.DOTALL)


@pytest.fixture
def door(
    tower: Tower, people: Callable[[str, int, int], Path], att_faces: Path, tmp_path: Path, models: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:  # fmt: skip
    """A folder with a tower whose thresholds hold for this interpreter, photographs of one person, and a video."""
    parts = read_bundle(tower.path)
    card = dataclasses.replace(parts.card, runtime_family=tower.backend.family)
    golden = tower.embed(parts.golden_crops)
    bundle = Bundle(flatbuffer=parts.flatbuffer, card=card, golden_crops=parts.golden_crops, golden_embeddings=golden)
    (tmp_path / "tower.tflite").write_bytes(pack_bundle(bundle))
    shutil.copytree(people(GENUINE, 1, 5), tmp_path / "photos")
    writer = cv2.VideoWriter(str(tmp_path / "door.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 5.0, (320, 240))
    wall = scene()
    for image in [scene(att_faces / GENUINE / f"{n}.pgm") for n in (8, 9, 10, 8, 9, 10)] + [wall] * 8:
        writer.write(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    for number in (1, 2, 3, 4, 5):
        writer.write(cv2.cvtColor(scene(att_faces / IMPOSTOR / f"{number}.pgm"), cv2.COLOR_RGB2BGR))
    writer.release()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_examples_of_the_page_run(door: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, object] = {}
    said = []
    for example in EXAMPLES:
        exec(compile(example, "docs/api.md", "exec"), names)
        said.append(capsys.readouterr().out.splitlines())
    assert said[0] == ["tiny 64 values"]
    assert said[1] == ["['anna']"]
    assert said[2][0] == "accepted anna match"
    assert said[2][1] == "stages in ms: ['align', 'decide', 'detect', 'embed', 'follow', 'grab', 'match']"
    assert said[3] == ["open for anna", "closed: below-threshold "]
    assert said[4][0].startswith("threshold 0.")
    assert said[5][-1] in ("accepted", "rejected")
    assert said[5][0] == "frame 0: track 1 is like anna"
    assert said[6] == ["accepted"]
    names["strict"].tower.interpreter  # type: ignore[attr-defined]  # noqa: B018


def test_every_public_name_is_on_the_page() -> None:
    page = (ROOT / "docs/api.md").read_text()
    for name in ("Tower", "Gallery", "Verifier", "FaceFinder", "open_source", "DecisionPolicy", "TrackPolicy"):
        assert name in edge_runtime.__all__
        assert any(name in example for example in EXAMPLES)
    assert "QualityLimits" in page
    for name in edge_runtime.__all__:
        assert getattr(edge_runtime, name) is not None
