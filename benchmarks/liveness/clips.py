"""Attacks and people as short clips: what is shown, how it moves, and the camera's own faults."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.liveness.motions import Motion, looking_round, nearing, shaken, still, turned
from benchmarks.liveness.render import HEIGHT, WIDTH, Print, render
from benchmarks.liveness.surfaces import Head, Surface, bent, plane
from edge_runtime.faces.finder import FaceFinder
from edge_runtime.images import Image, read_image
from edge_runtime.sources.frame import Frame

RATE, SECONDS = 15.0, 4.0
# Where a neck would be, behind the face.
NECK_MM = (0.0, 20.0, -90.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of attack, or of person.

    Attributes:
        name: What the table calls it.
        live: Whether it stands for a person.
        motion: Makes a motion for a distance in millimetres.
        surface: Makes what the photograph is laid on: from the photograph and the time it depends on.
    """

    name: str
    live: bool
    motion: Callable[[np.random.Generator, float], Motion]
    surface: Callable[[np.random.Generator, Print], Callable[[float], Surface]]


def _flat(rng: np.random.Generator, photo: Print) -> Callable[[float], Surface]:
    return lambda time_s: plane


def _rolled(rng: np.random.Generator, photo: Print) -> Callable[[float], Surface]:
    radius, axis = float(rng.uniform(60, 200)), float(rng.choice([np.pi / 2, rng.uniform(0, np.pi)]))
    surface = bent(radius, axis)
    return lambda time_s: surface


def _flexed(rng: np.random.Generator, photo: Print) -> Callable[[float], Surface]:
    """Bent more and less while it is held, from flat to a radius of 70 mm."""
    rate, axis = float(rng.uniform(0.3, 0.8)), float(rng.choice([np.pi / 2, rng.uniform(0, np.pi)]))
    return lambda time_s: bent(1 / (1e-5 + float(np.sin(np.pi * rate * time_s)) ** 2 / 70), axis)


def _head(rng: np.random.Generator, photo: Print) -> Callable[[float], Surface]:
    surface = Head.random(rng).surface(photo.landmarks_mm)
    return lambda time_s: surface


KINDS = (
    Kind(name="photograph shifted", live=False, motion=shaken, surface=_flat),
    Kind(name="photograph turned", live=False, motion=turned, surface=_flat),
    Kind(name="photograph held closer", live=False, motion=nearing, surface=_flat),
    Kind(name="photograph bent, turned", live=False, motion=turned, surface=_rolled),
    Kind(name="photograph flexed", live=False, motion=nearing, surface=_flexed),
    Kind(name="person looking round", live=True, motion=looking_round, surface=_head),
    Kind(name="person sitting still", live=True, motion=still, surface=_head),
)


def make_print(path: Path, finder: FaceFinder, *, most_px: int = 240) -> Print | None:
    """A photograph with one face, cut out with room around it; None if it has none, or several."""
    found = finder.find(read_image(path), photo=True)
    if len(found) != 1 or found[0].problem is not None:
        return None
    image, landmarks = read_image(path), found[0].face.landmarks_px
    eyes = float(np.linalg.norm(landmarks[1] - landmarks[0]))
    middle, room = landmarks.mean(axis=0), 1.9 * eyes
    x0, y0 = np.maximum(np.floor(middle - room), 0).astype(int)
    part, moved = image[y0 : int(middle[1] + room), x0 : int(middle[0] + room)], landmarks - np.array([x0, y0])
    scale = min(1.0, most_px / max(part.shape[:2]))
    if scale < 1:
        part = np.asarray(cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        moved = (moved + 0.5) * scale - 0.5
    return Print(image_rgb=np.ascontiguousarray(part), landmarks_px=moved.astype(np.float32))


def clip(photo: Print, kind: Kind, seed: int, *, rate: float = RATE, seconds: float = SECONDS) -> Iterator[Frame]:
    """The frames of one attempt."""
    rng = np.random.default_rng(seed)
    motion = kind.motion(rng, float(rng.uniform(380, 560)))
    surface = kind.surface(rng, photo)
    background = background_of(rng)
    pivot = NECK_MM if kind.live else (0.0, 0.0, 0.0)
    for index in range(round(rate * seconds)):
        time_s = index / rate
        picture = render(photo, surface(time_s), motion(time_s), background, pivot_mm=pivot, oval=kind.live)
        yield Frame(image_rgb=camera(picture, rng), index=index, time_s=time_s, name=kind.name)


def camera(picture: npt.NDArray[np.float32], rng: np.random.Generator) -> Image:
    """The faults of a cheap camera: softness, noise, JPEG."""
    soft = cv2.GaussianBlur(picture, (0, 0), 0.6)
    noisy = np.clip(soft + rng.normal(0, 2.5, picture.shape), 0, 255).astype(np.uint8)
    _, data = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, 90])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8)


def background_of(rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """A room out of focus: large soft patches."""
    small = rng.uniform(40, 200, (6, 8, 3)).astype(np.float32)
    large = cv2.resize(small, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(large, 0, 255), dtype=np.float32)


def photographs(paths: Sequence[Path], finder: FaceFinder) -> list[Print]:
    """Those of some pictures that show one face well."""
    return [photo for path in paths if (photo := make_print(path, finder)) is not None]
