"""A tiny configuration and small synthetic people, for tests that train."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_runtime.errors import FetchError
from edge_runtime.faces.align import DEFAULT_TEMPLATE
from edge_runtime.home import cache_folder
from edge_runtime.images import write_image
from edge_runtime.people import write_faces_mark
from train.config import Config
from train.dlib_files.fetch import PinnedMember, fetch_member
from train.recipe import load_config

TINY = (
    "input.size_px=16",
    "input.colour=grey",
    "tower.width=4",
    "tower.blocks=[1, 1]",
    "tower.embedding_length=8",
    "batch.people=3",
    "batch.pictures=2",
    "schedule.steps_per_epoch=3",
    "schedule.epochs=2",
)


def tiny_config(*more: str, seed: int = 5) -> Config:
    return load_config("att", [*TINY, *more], seed=seed)


def write_people(
    folder: Path, people: int = 6, pictures: int = 4, size_px: int = 16, *, mark: bool = True, seed: int = 0
) -> Path:
    """People who are smooth random patterns, each picture with a little noise."""
    rng = np.random.default_rng(seed)
    for person in range(people):
        pattern = cv2.resize(rng.integers(40, 216, (4, 4, 3)).astype(np.float32), (size_px, size_px))
        for picture in range(pictures):
            noisy = pattern + rng.normal(0, 6, pattern.shape)
            path = folder / f"p{person}" / f"{picture}.png"
            write_image(path, np.clip(noisy, 0, 255).astype(np.uint8))
    if mark:
        template = {"name": DEFAULT_TEMPLATE.name, "points": [list(point) for point in DEFAULT_TEMPLATE.points]}
        write_faces_mark(folder, {"size_px": size_px, "template": template, "detector": "none"})
    return folder


def cached_member(member: PinnedMember) -> Path:
    """A pinned file of dlib's, in the cache: an archive of 100 MB is fetched once. Skips where it is not to be had."""
    try:
        fetch_member(member)
    except FetchError as error:
        pytest.skip(f"{member.file_name} is not to be had: {error}")
    return cache_folder() / member.file_name
