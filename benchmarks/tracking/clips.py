"""Faces that move before the camera, with where their landmarks truly are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from benchmarks.demo.scene import Walk, picture_to_frame, walking
from edge_runtime.faces.align import Points
from edge_runtime.faces.detect import Face
from edge_runtime.faces.finder import FaceFinder
from edge_runtime.images import Image, read_image

START_S, END_S = 0.7, 3.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """One picture of a person, moving.

    Attributes:
        frames: uint8 frames of shape (480, 640, 3), RGB.
        faces: What the default detector finds in each; None unless it is one face.
        truth_px: For each frame float32 of shape (4, 2): where the landmarks are, by the motion that the frames were
            made with. Where they are in the still picture is the median of all detections, taken back into it.
    """

    frames: list[Image]
    faces: list[Face | None]
    truth_px: list[Points]


def make_clips(att: Path, finder: FaceFinder, *, people: int, frames_per_s: float) -> list[Clip]:
    """A clip of each of the first AT&T people."""
    return [
        _clip(att / f"s{n}/{1 + n % 10}.pgm", finder, seed=n, frames_per_s=frames_per_s) for n in range(1, people + 1)
    ]


def _clip(path: Path, finder: FaceFinder, *, seed: int, frames_per_s: float) -> Clip:
    picture, walk = read_image(path), Walk.random(np.random.default_rng(seed))
    times_s = np.arange(START_S, END_S, 1 / frames_per_s).tolist()
    frames = list(walking(picture, walk, times_s, seed=seed))
    motions = [picture_to_frame(picture, walk, time_s) for time_s in times_s]
    found = [finder.find(frame) for frame in frames]
    faces = [items[0].face if len(items) == 1 else None for items in found]
    still = np.median(
        [
            cv2.transform(face.landmarks_px[None], cv2.invertAffineTransform(motion))[0]
            for face, motion in zip(faces, motions, strict=True)
            if face is not None
        ],
        axis=0,
    )
    truth = [np.asarray(cv2.transform(still[None], motion)[0], dtype=np.float32) for motion in motions]
    return Clip(frames=frames, faces=faces, truth_px=truth)


def landmark_error(face: Face, truth_px: Points) -> float:
    """Mean distance of the landmarks from the truth, in distances between the eyes."""
    away = np.linalg.norm(face.landmarks_px - truth_px, axis=1).mean()
    return float(away / np.linalg.norm(truth_px[1] - truth_px[0]))
