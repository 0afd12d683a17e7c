"""What training sees, as pictures: each augmentation, a batch, and pairs. To be looked at before a long training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.files import write_bytes
from edge_runtime.towers.preprocess import InputSpec
from train.batches.augment import AUGMENTATIONS, augment_by
from train.batches.people import people_rows
from train.batches.stream import make_batch
from train.config import Config
from train.data.faces import FaceSet
from train.prepare.sheet import Cell, draw_sheet, evenly

FILES = ("augmentations.png", "batch.png", "pairs.png")
_SIDE_PX, _FACES, _BATCH, _PAIRS = 96, 8, 128, 32
_GENUINE, _IMPOSTOR = "#1b7837", "#b2182b"


def write_pictures(out: Path, faces: FaceSet, config: Config) -> list[Path]:
    """Write ``augmentations.png``, ``batch.png`` and ``pairs.png`` into a folder.

    Args:
        out: The folder.
        faces: The data at the size and in the colours of ``config.input``.
        config: The configuration that would be trained with.

    Raises:
        DataError: There are fewer than two people, or nobody with two pictures.
        WriteError: A file cannot be written.
    """
    made = (draw_augmentations(faces, config), draw_batch(faces, config), draw_pairs(faces, config))
    return [write_bytes(out / name, data) for name, data in zip(FILES, made, strict=True)]


def draw_augmentations(faces: FaceSet, config: Config) -> bytes:
    """Each augmentation, applied alone to faces of up to eight people; the bytes of a PNG file.

    The first row holds the faces as they are. Behind each name stands the probability that the recipe gives it. Grey
    pictures have no colour to change.
    """
    people = evenly(len(faces.people), _FACES)
    chosen = [int(np.flatnonzero(faces.labels == person)[0]) for person in people]
    cells = [Cell(picture=faces.pixels[row]) for row in chosen]
    names = [name for name in AUGMENTATIONS if config.input.channels == 3 or name not in ("colour", "grey")]
    for number, name in enumerate(names):
        rng = np.random.default_rng([config.seed, number])
        cells += [Cell(picture=augment_by(name, faces.pixels[row], config.augment, rng)) for row in chosen]
    rows = ["as it is", *(f"{name} {getattr(config.augment, name):g}" for name in names)]
    title = f"each augmentation alone, with its probability in {config.recipe}"
    return draw_sheet(cells, title=title, columns=len(chosen), size_px=(_SIDE_PX, _SIDE_PX), rows=rows)


def draw_batch(faces: FaceSet, config: Config) -> bytes:
    """The first batch of the training, with the person of each picture; the bytes of a PNG file.

    Of a large batch the first 128 pictures are shown. With the sampler ``hard-pairs`` it is a batch of the first epoch,
    whose pairs are random.
    """
    pixels, labels = _batch(faces, config)
    size, shown = len(labels), min(len(labels), _BATCH)
    cells = [Cell(picture=pixels[row], caption=faces.people[labels[row]]) for row in range(shown)]
    group = config.batch.pictures if config.batch.sampler == "pk" else 2
    columns = group * max(1, 16 // group)
    title = f"{shown} of the {size} pictures of the first batch, sampler {config.batch.sampler}"
    return draw_sheet(cells, title=title, columns=min(columns, shown), size_px=(_SIDE_PX, _SIDE_PX))


def draw_pairs(faces: FaceSet, config: Config) -> bytes:
    """Genuine pairs (green) and impostor pairs (red), augmented; the bytes of a PNG file.

    They are drawn by the sampler ``pairs``, whatever the recipe's is.
    """
    pixels, labels = _batch(faces, replace(config, batch=replace(config.batch, sampler="pairs")))
    cells = []
    for row in range(0, min(len(labels) // 2, _PAIRS) * 2, 2):
        names = [faces.people[label] for label in labels[row : row + 2]]
        genuine = labels[row] == labels[row + 1]
        cells.append(
            Cell(
                picture=np.concatenate([pixels[row], pixels[row + 1]], axis=1),
                caption=f"genuine: {names[0]}" if genuine else f"impostor: {names[0]} and {names[1]}",
                frame=_GENUINE if genuine else _IMPOSTOR,
            )
        )
    title = f"{len(cells)} pairs: genuine green, impostor red"
    return draw_sheet(cells, title=title, columns=min(8, len(cells)), size_px=(2 * _SIDE_PX, _SIDE_PX))


def _batch(faces: FaceSet, config: Config) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Pixels and labels of the first batch, taken back from the numbers that the tower would see."""
    values, labels, _ = make_batch(faces.pixels, people_rows(faces.labels), config, 0)
    return to_pixels(values, config.input), labels


def to_pixels(values: npt.NDArray[np.float32], spec: InputSpec) -> npt.NDArray[np.uint8]:
    """Normalised values back to uint8 pixels: the other way of :func:`edge_runtime.towers.preprocess.normalise`."""
    pixels = (values - np.float32(spec.offset)) / np.float32(spec.scale)
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
