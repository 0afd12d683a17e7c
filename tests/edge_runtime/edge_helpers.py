"""What the tests of the device share besides fixtures."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import settings

from edge_runtime.commands.cli import main
from edge_runtime.gallery.store import Template
from edge_runtime.images import Image, read_image
from edge_runtime.sources.camera import Frame
from edge_runtime.towers.bundle import Bundle, pack_bundle, read_bundle
from edge_runtime.towers.tower import Tower

ROOT = Path(__file__).resolve().parents[2]
LAW = settings(deadline=None, max_examples=60)
# Measured with the tiny tower in both interpreters: pictures 1-5 of s22 against its 6-10 give 0.89, against s5 0.00.
GENUINE, IMPOSTOR, THRESHOLD = "s22", "s5", 0.6


def needs_the_cards_thresholds(tower: Tower) -> None:
    """Skip a test where the interpreter is not the one that the thresholds were measured with."""
    if not tower.calibrated:
        pytest.skip("the tests' tower has thresholds for LiteRT alone")


class Command:
    """The command line, run in this process."""

    def __init__(self, capfd: pytest.CaptureFixture[str]) -> None:
        self._capfd = capfd

    def __call__(self, *words: object) -> tuple[int, str, str]:
        """Exit code, standard output and standard error; what C++ code prints is in them too."""
        self._capfd.readouterr()
        try:
            code = main([str(word) for word in words])
        except SystemExit as stop:
            code = int(stop.code or 0)
        said = self._capfd.readouterr()
        return code, said.out, said.err

    def fails(self, code: int, *words: object) -> str:
        """Run a command that must fail with exactly one line; returns it."""
        got, out, err = self(*words)
        assert got == code, (got, out, err)
        assert out == ""
        assert err.count("\n") == 1, err
        assert err.startswith("error: ")
        assert "Traceback" not in err
        assert "unexpected" not in err
        return err


def listing(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its content."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def in_python(code: str, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run some code in a Python of its own."""
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def unit(*seeds: int, length: int = 64) -> list[Template]:
    """Templates of random directions."""
    rows = [np.random.default_rng(seed).normal(size=length) for seed in seeds]
    rows = [(row / np.linalg.norm(row)).astype(np.float32) for row in rows]
    return [Template(embedding=row, sharpness=50.0, interocular_px=40.0) for row in rows]


def scene(*pictures: Path, width: int = 320, height: int = 240, scale: float = 1.5) -> Image:
    """A camera's frame with faces side by side before a plain wall."""
    canvas = np.full((height, width, 3), 96, np.uint8)
    for number, picture in enumerate(pictures):
        face = cv2.resize(read_image(picture), None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        middle = width * (2 * number + 1) // (2 * len(pictures))
        left, top = middle - face.shape[1] // 2, (height - face.shape[0]) // 2
        canvas[top : top + face.shape[0], left : left + face.shape[1]] = face
    return canvas


def frames(images: Iterable[Image], *, every_s: float = 0.5, start_s: float = 0.0, photo: bool = False) -> list[Frame]:
    """Pictures as the frames of a source."""
    return [
        Frame(image_rgb=image, index=i, time_s=start_s + i * every_s, name=f"frame {i}", photo=photo)
        for i, image in enumerate(images)
    ]


def rezip(data: bytes, path: Path, change: Callable[[dict[str, bytes]], object]) -> bytes:
    """A tower file whose archive was taken apart, changed, and packed again."""
    path.write_bytes(data)
    flatbuffer = read_bundle(path).flatbuffer
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    whole = io.BytesIO(flatbuffer)
    with zipfile.ZipFile(whole, "a", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return whole.getvalue()


def edit_card(members: dict[str, bytes]) -> None:
    """Let everybody in, but leave the hashes as they are."""
    card = json.loads(members["card.json"])
    card["thresholds"][0]["threshold"] = -1.0
    members["card.json"] = json.dumps(card).encode()


def damaged(good: Path, folder: Path) -> dict[str, bytes]:
    """Every kind of tower file that must be refused."""
    data, parts = good.read_bytes(), read_bundle(good)
    length, scratch = len(parts.flatbuffer), folder / "scratch.tflite"
    flipped = bytearray(data)
    flipped[length // 2] ^= 1
    found = {f"cut-{n}": data[:n] for n in (0, 3, 100, length // 2, length + 100, len(data) - 300, len(data) - 1)}
    found |= {
        "text": b"this is not a tower\n" * 100,
        "plain-tflite": parts.flatbuffer,
        "flipped": bytes(flipped),
        "edited-card": rezip(data, scratch, edit_card),
        "extra-member": rezip(data, scratch, lambda members: members.update({"more.txt": b"x"})),
        "lacking-member": rezip(data, scratch, lambda members: members.pop("golden.npz")),
        "zip-bomb": rezip(data, scratch, lambda members: members.update({"golden.npz": bytes(33 << 20)})),
        "bad-hashes": rezip(data, scratch, lambda members: members.update({"hashes.json": b"[]"})),
        "edited-golden": rezip(data, scratch, lambda members: members.update({"golden.npz": b"PK"})),
        "wrong-golden": pack_bundle(
            Bundle(
                flatbuffer=parts.flatbuffer,
                card=parts.card,
                golden_crops=parts.golden_crops,
                golden_embeddings=parts.golden_embeddings[::-1].copy(),
            )
        ),
    }
    scratch.unlink()
    return found


DAMAGES = [*(f"cut-{n}" for n in range(7)), "text", "plain-tflite", "flipped", "edited-card", "extra-member"]
DAMAGES += ["lacking-member", "zip-bomb", "bad-hashes", "edited-golden", "wrong-golden"]
