"""A camera-like video made of real pictures: people come, look at the camera, and leave again.

A person's pictures are set into a soft background, scaled, turned and moved along a smooth path, with the
faults of a cheap camera (drifting exposure, motion blur, sensor noise, JPEG). What it is not: a recording. Pictures
change in jumps, the light does not come from the scene, and every picture was taken in one studio.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from edge_runtime.errors import WriteError
from edge_runtime.images import Image, read_image

Picture: TypeAlias = npt.NDArray[np.float32]

WIDTH, HEIGHT, FRAMES_PER_S = 640, 480, 15
PICTURE_S = 0.4
VISIT_S = 4.0
PAUSE_S = 1.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One person before the camera.

    Attributes:
        person: Who it is.
        known: Whether they are enrolled.
        start_s: When they come into the picture, in seconds of the video.
        end_s: When they have left it.
    """

    person: str
    known: bool
    start_s: float
    end_s: float


def plan_visits(people: list[tuple[str, bool]], *, seed: int) -> list[Visit]:
    """Who comes when: each person once, in a seeded order, with pauses between."""
    order = np.random.default_rng(seed).permutation(len(people))
    visits, now = [], PAUSE_S
    for index in order:
        person, known = people[index]
        visits.append(Visit(person=person, known=known, start_s=now, end_s=now + VISIT_S))
        now += VISIT_S + PAUSE_S
    return visits


def write_video(path: Path, visits: list[Visit], pictures: dict[str, list[Path]], *, seed: int) -> int:
    """Render the video as MP4 (MPEG-4 part 2, which every OpenCV can read).

    Args:
        path: The file to write.
        visits: Who comes when.
        pictures: The pictures that show each person.
        seed: Of everything that is random.

    Returns:
        Number of frames.

    Raises:
        WriteError: OpenCV cannot write it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part.mp4")
    writer = cv2.VideoWriter(str(part), cv2.VideoWriter.fourcc(*"mp4v"), FRAMES_PER_S, (WIDTH, HEIGHT))
    if not writer.isOpened():
        raise WriteError(f"cannot write the video {path}: is the disk full, or OpenCV built without FFmpeg?")
    count = 0
    try:
        for frame in render(visits, pictures, seed=seed):
            writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
            count += 1
    finally:
        writer.release()
    part.replace(path)
    return count


def render(visits: list[Visit], pictures: dict[str, list[Path]], *, seed: int) -> Iterator[Image]:
    """The frames of the video: uint8 of shape (480, 640, 3), RGB."""
    rng = np.random.default_rng(seed)
    loaded = {person: [read_image(path) for path in paths] for person, paths in pictures.items()}
    background = _background(next(iter(loaded.values()))[0])
    noise = rng.normal(0, 4, (HEIGHT, WIDTH, 1)).astype(np.float32)
    paths = [Walk.random(rng) for _ in visits]
    total = round((visits[-1].end_s + PAUSE_S) * FRAMES_PER_S)
    for number in tqdm(range(total), desc="rendering", unit="frame", disable=None):
        now = number / FRAMES_PER_S
        canvas = background.astype(np.float32)
        for visit, path in zip(visits, paths, strict=True):
            if visit.start_s <= now < visit.end_s:
                shown = loaded[visit.person]
                picture = shown[int((now - visit.start_s) / PICTURE_S) % len(shown)]
                canvas = _place(canvas, picture, path, now - visit.start_s)
        yield _camera(canvas, now, noise, rng)


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """How a person moves: where they come from, how near, how restless."""

    side: int
    scale: float
    sway_px: float
    turn_deg: float
    phase: float

    @classmethod
    def random(cls, rng: np.random.Generator) -> Walk:
        """Some way of walking up to the camera."""
        return cls(
            side=int(rng.choice([-1, 1])),
            scale=float(rng.uniform(1.7, 3.0)),
            sway_px=float(rng.uniform(15, 45)),
            turn_deg=float(rng.uniform(2, 7)),
            phase=float(rng.uniform(0, 6.28)),
        )

    def at(self, time_s: float) -> tuple[float, float, float, float]:
        """Centre of the picture (x, y), scale and turn at a time of the visit."""
        there = min(1.0, time_s / 0.6, max(0.0, VISIT_S - time_s) / 0.6)
        ease = there * there * (3 - 2 * there)
        x = WIDTH / 2 + self.side * (1 - ease) * WIDTH * 0.9 + self.sway_px * np.sin(1.7 * time_s + self.phase)
        scale = self.scale * (1 + 0.06 * np.sin(1.1 * time_s + 2 * self.phase))
        y = HEIGHT - 0.48 * 112 * scale + 8 * np.sin(2.3 * time_s)
        return float(x), float(y), float(scale), float(self.turn_deg * np.sin(0.9 * time_s + self.phase))


def _background(picture: Image) -> Image:
    """An out-of-focus wall: a real picture, enlarged and blurred beyond recognition."""
    enlarged = cv2.resize(picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    soft = cv2.GaussianBlur(enlarged, (0, 0), 90).astype(np.float32)
    light = np.linspace(1.15, 0.8, WIDTH, dtype=np.float32)[None, :, None]
    return np.clip(0.75 * soft * light + 25, 0, 255).astype(np.uint8)


def picture_to_frame(picture: Image, path: Walk, time_s: float) -> npt.NDArray[np.float64]:
    """Where the points of a person's picture are in the frame at a time of the visit: float64 of shape (2, 3)."""
    x, y, scale, turn = path.at(time_s)
    centre = ((picture.shape[1] - 1) / 2, (picture.shape[0] - 1) / 2)
    matrix = np.asarray(cv2.getRotationMatrix2D(centre, turn, scale), dtype=np.float64)
    matrix[:, 2] += np.array([x, y]) - np.array(centre)
    return matrix


def walking(picture: Image, path: Walk, times_s: list[float], *, seed: int) -> Iterator[Image]:
    """One picture of a person before the camera at some times of a visit, without jumps: for measuring, not for show.

    Yields:
        uint8 frames of shape (480, 640, 3), RGB; :func:`picture_to_frame` says where everything is in them.
    """
    rng = np.random.default_rng(seed)
    background = _background(picture).astype(np.float32)
    noise = rng.normal(0, 4, (HEIGHT, WIDTH, 1)).astype(np.float32)
    for time_s in times_s:
        yield _camera(_place(background.copy(), picture, path, time_s), time_s, noise, rng)


def _place(canvas: Picture, picture: Image, path: Walk, time_s: float) -> Picture:
    """Set a picture into the canvas with soft edges; its lowest rows go on to the bottom of the frame."""
    tall = cv2.copyMakeBorder(picture, 0, 60, 0, 0, cv2.BORDER_REPLICATE)
    height, width = tall.shape[:2]
    matrix = picture_to_frame(picture, path, time_s)
    x = path.at(time_s)[0]
    edge = np.minimum(np.arange(width), np.arange(width)[::-1]) / (0.16 * width)
    top = np.minimum(np.arange(height) / (0.1 * height), 1)
    mask = (np.clip(edge, 0, 1)[None, :] * top[:, None]).astype(np.float32)
    size = (WIDTH, HEIGHT)
    colour = cv2.warpAffine(
        tall.astype(np.float32), matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    alpha = cv2.warpAffine(mask, matrix, size, flags=cv2.INTER_LINEAR)[:, :, None]
    speed_px = abs(path.at(time_s + 1 / FRAMES_PER_S)[0] - x)
    mixed = canvas * (1 - alpha) + colour * alpha
    reach = int(min(25, speed_px / 2))
    return np.asarray(cv2.blur(mixed, (reach, 1)) if reach > 1 else mixed, dtype=np.float32)


def _camera(canvas: Picture, now: float, noise: Picture, rng: np.random.Generator) -> Image:
    """What a cheap camera makes of the scene."""
    exposure = 1 + 0.08 * np.sin(0.7 * now) + 0.04 * np.sin(2.9 * now)
    # One field of sensor noise, shifted and turned over for each frame, is cheaper than a new one and looks the same.
    shifted = np.roll(noise, tuple(rng.integers(0, WIDTH, 2)), axis=(0, 1)) * rng.choice([-1, 1])
    frame = np.clip(canvas * exposure + shifted, 0, 255).astype(np.uint8)
    _, data = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 80])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8)
