"""Latency of each stage on this machine: ``make bench``. Figures are compared within one run, never asserted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_runtime.faces.align import align_face
from edge_runtime.faces.blazeface import MODELS
from edge_runtime.faces.finder import FaceFinder, FoundFace
from edge_runtime.faces.follow import FollowLimits, follow_face
from edge_runtime.faces.quality import QualityLimits, measure_quality, quality_problem
from edge_runtime.gallery.match import Enrolled, person_similarities
from edge_runtime.images import Image, decode_image, encode_image
from edge_runtime.machine.cold_start import cold_starts
from edge_runtime.measures.metrics import unit_rows
from edge_runtime.overlay.picture import FaceLabel, Overlay, draw_overlay
from edge_runtime.towers.preprocess import tower_pixels
from edge_runtime.towers.tower import Tower


def gallery_of(people: int, tower: Tower, rng: np.random.Generator) -> Enrolled:
    """Random people with five templates each."""
    rows = unit_rows(rng.normal(size=(5 * people, tower.embedding_length)))
    return Enrolled.of({str(i): rows[5 * i : 5 * i + 5] for i in range(people)})


def test_decode(benchmark: Any, frame: Image) -> None:
    """A 640×480 JPEG to RGB."""
    data = encode_image(frame, ".jpg")
    assert benchmark(decode_image, data, name="frame").shape == frame.shape


@pytest.mark.parametrize("name", sorted(MODELS))
def test_detect(benchmark: Any, name: str, models: Path, frame: Image) -> None:
    """Faces in a 640×480 frame, one thread."""
    detector = FaceFinder(detector=name, models=models).detector
    faces = benchmark(detector.detect, frame)
    assert len(faces) == 1 or name == "short-range"


def test_align(benchmark: Any, frame: Image, face: FoundFace, tower: Tower) -> None:
    """Landmarks to a crop."""
    crop = benchmark(align_face, frame, face.points_px, tower.spec.size_px, tower.card.template)
    assert np.array_equal(crop, face.crop_rgb)


def test_quality(benchmark: Any, frame: Image, face: FoundFace) -> None:
    """Everything that is measured of a face, and its limits."""
    quality = benchmark(measure_quality, frame, face.face, face.crop_rgb)
    assert quality_problem(quality, QualityLimits()) is None


def test_follow(benchmark: Any, frame: Image, face: FoundFace) -> None:
    """A face from one frame to the next, without detection."""
    after = np.roll(frame, 2, axis=1)
    assert benchmark(follow_face, frame, after, face.face, FollowLimits()) is not None


def test_preprocess(benchmark: Any, face: FoundFace, tower: Tower) -> None:
    """A crop to the tower's colours."""
    assert benchmark(tower_pixels, face.crop_rgb, tower.spec).shape == tower.spec.shape


def test_embed(benchmark: Any, face: FoundFace, tower: Tower) -> None:
    """A crop to a unit embedding, one thread."""
    assert benchmark(tower.embed_one, face.crop_rgb).shape == (tower.embedding_length,)


@pytest.mark.parametrize("people", [1, 100, 10_000])
def test_match(benchmark: Any, people: int, tower: Tower, rng: np.random.Generator) -> None:
    """A probe against a gallery with five templates a person."""
    enrolled = gallery_of(people, tower, rng)
    probe = enrolled.matrix[0]
    assert benchmark(person_similarities, probe, enrolled).shape == (people,)


def test_whole_frame(benchmark: Any, finder: FaceFinder, frame: Image, tower: Tower, rng: np.random.Generator) -> None:
    """Frame to similarities: detect, align, measure, embed, match against 100 people."""
    enrolled = gallery_of(100, tower, rng)

    def whole() -> Any:
        return person_similarities(tower.embed_one(finder.find(frame)[0].crop_rgb), enrolled)

    assert benchmark(whole).shape == (100,)


def test_draw(benchmark: Any, frame: Image, face: FoundFace) -> None:
    """The overlay on a frame with one face."""
    label = FaceLabel(box_px=face.face.box_px, state="looking", name="Anna?", similarity=0.5, progress=(2, 5))
    times = {"detect": 6.1, "align": 0.7, "embed": 0.7, "match": 0.1}
    overlay = Overlay(faces=[label], headline="Looking", detail="2 of 5", threshold=0.3, latency_ms=times)
    assert benchmark(draw_overlay, frame, overlay).shape == frame.shape


def test_cold_start(benchmark: Any, tower: Tower, models: Path, frame: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process of its own from its start to its first decision on a picture; computing and peak memory beside it."""
    monkeypatch.setenv("SIAMLITE_HOME", str(models.parent))
    words = ["--tower", str(tower.path.resolve())]
    runs: list[Any] = []

    def start() -> None:
        runs.append(cold_starts(tower, frame, words, runs=1))

    benchmark.pedantic(start, rounds=7, warmup_rounds=1)
    benchmark.extra_info["cpu_s"] = sorted(run["cpu_s"] for run in runs)[len(runs) // 2]
    benchmark.extra_info["peak_mb"] = max(run["peak_mb"] for run in runs)
    print(f"\n{benchmark.extra_info}")
    assert runs[0]["outcome"] in ("accepted", "rejected")
