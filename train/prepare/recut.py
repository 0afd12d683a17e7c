"""Prepared faces, cut anew for a tower with another frame: no detection, only the transform between two templates."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

import numpy as np
from tqdm import tqdm

from edge_runtime.errors import DataError, SiamliteError, UsageError, WriteError
from edge_runtime.faces.align import (
    DEFAULT_TEMPLATE,
    DLIB_TEMPLATE,
    AlignmentTemplate,
    Points,
    align_face,
    template_values,
)
from edge_runtime.files import refuse_overwrite, staging_folder
from edge_runtime.images import read_image, write_image
from edge_runtime.people import read_faces_mark, scan_people, write_faces_mark
from train.data.sources.mark import marked_template
from train.prepare.workers import ctrl_c_held_back, spawned_pool

_CHUNK = 200
# From a pixel p of the default crop of 112 px to dlib's crop of 150 px: SCALE · (p − 56) + SHIFT. The median of what
# dlib's own five-point predictor found on 370 such crops; the turn was none.
_SIDE, _MIDDLE, _CHIP_SIDE, _SCALE, _SHIFT = 112, 56.0, 150, 1.46602724, (74.53, 50.60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recut:
    """What came of it.

    Attributes:
        folder: Where the new faces are.
        people: Number of people who have any.
        kept: Number of faces.
        unreadable: Pictures that could not be read, below the old folder.
    """

    folder: Path
    people: int
    kept: int
    unreadable: tuple[str, ...]


def points_in(held: AlignmentTemplate, wanted: AlignmentTemplate) -> Points:
    """Where the landmarks of one template lie in crops of another.

    Args:
        held: How the crops were cut.
        wanted: Whose landmarks.

    Returns:
        float32 of shape (4, 2) or (5, 2), fractions of the crop's side.

    Raises:
        UsageError: That is not known.
    """
    if held.refiner == wanted.refiner:
        return held.pixels(1)
    if held.geometry == DEFAULT_TEMPLATE.geometry and wanted.refiner == DLIB_TEMPLATE.refiner:
        chip = np.asarray(DLIB_TEMPLATE.points, dtype=np.float64) * _CHIP_SIDE
        return (((chip - _SHIFT) / _SCALE + _MIDDLE) / _SIDE).astype(np.float32)
    raise UsageError(
        f"no transform is known from crops of {held.name!r} to {wanted.name!r}. Prepare the photographs themselves: "
        f"python -m train prepare RAW --out FACES --align {wanted.name}"
    )


def recut_faces(
    faces: str | Path, out: str | Path, *, template: AlignmentTemplate, size_px: int, jobs: int = 1
) -> Recut:
    """Cut prepared faces anew. What the old crops do not show is replicated from their border.

    Args:
        faces: A folder of prepared faces.
        out: The folder to make, all of it or nothing.
        template: The new frame.
        size_px: The new side.
        jobs: Processes to work in.

    Raises:
        DataError: The folder is no prepared one, or none of its faces can be read.
        UsageError: The target is there, or no transform is known.
        WriteError: A file cannot be written.
    """
    source, target = Path(faces), Path(out)
    mark = read_faces_mark(source)
    if mark is None:
        raise DataError(
            f"{source} holds no prepared faces. Prepare photographs: python -m train prepare RAW --out FACES"
        )
    held = marked_template(mark, str(source))
    points = points_in(held, template)
    refuse_overwrite(target, force=False)
    if source.resolve() in (target.resolve(), *target.resolve().parents):
        raise UsageError(f"--out {target} must lie outside {source}. Choose another --out.")
    pictures = [path.relative_to(source) for person in scan_people(source) for path in person.pictures]
    if len({name.with_suffix("") for name in pictures}) < len(pictures):
        raise DataError(f"{source} holds pictures that differ in their suffix alone; rename one of each two.")
    cut = _Cut(source=source, target=staging_folder(target), points=points, template=template, size_px=size_px)
    try:
        unreadable = _cut_all(cut, pictures, jobs)
        kept = sorted(set(pictures) - {Path(name) for name in unreadable})
        if not kept:
            raise DataError(f"none of the {len(pictures)} pictures in {source} can be read. Copy them again.")
        write_faces_mark(cut.target, _mark(mark, held, cut, len(kept)))
        _move(cut.target, target)
    finally:
        shutil.rmtree(cut.target, ignore_errors=True)
    people = len({name.parts[0] for name in kept})
    return Recut(folder=target, people=people, kept=len(kept), unreadable=tuple(sorted(unreadable)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cut:
    """What a process needs to know."""

    source: Path
    target: Path
    points: Points
    template: AlignmentTemplate
    size_px: int


def _mark(old: dict[str, object], held: AlignmentTemplate, cut: _Cut, kept: int) -> dict[str, object]:
    how = f"from crops of {old['size_px']} px; what they do not show is replicated from their border"
    if held.refiner != cut.template.refiner:
        how += "; cut by where the refined landmarks lie on average, not by the refiner itself"
    return {
        "size_px": cut.size_px,
        "template": template_values(cut.template),
        "detector": old.get("detector", ""),
        "kept": kept,
        "recut": {"template": held.name, "note": how},
    }


def _move(staging: Path, target: Path) -> None:
    try:
        os.chmod(staging, 0o755)
        os.replace(staging, target)
    except OSError as error:
        raise WriteError(f"cannot write {target}: {error.strerror or error}. Choose another --out.") from error


def _cut_all(cut: _Cut, pictures: list[Path], jobs: int) -> list[str]:
    parts = [pictures[first : first + _CHUNK] for first in range(0, len(pictures), _CHUNK)]
    unreadable: list[str] = []
    with tqdm(total=len(pictures), desc="cutting", unit="face", disable=not sys.stderr.isatty()) as bar:
        for part, failed in zip(parts, _in_parallel(cut, parts, min(jobs, len(parts))), strict=True):
            unreadable += failed
            bar.update(len(part))
    return unreadable


def _in_parallel(cut: _Cut, parts: list[list[Path]], count: int) -> Iterator[list[str]]:
    if count < 2:
        for part in parts:
            yield _cut_part(cut, part)
        return
    pool = spawned_pool(count)
    try:
        with ctrl_c_held_back():
            results = pool.map(_cut_part, repeat(cut), parts)
        yield from results
    except BrokenProcessPool as error:
        raise SiamliteError(
            "a worker process was ended. Nothing was written; --jobs 1 needs the least memory."
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _cut_part(cut: _Cut, pictures: list[Path]) -> list[str]:
    """Cut some pictures; give the names of those that cannot be read."""
    unreadable = []
    for name in pictures:
        try:
            image = read_image(cut.source / name)
            if image.shape[0] != image.shape[1]:
                raise DataError(f"{cut.source / name} is not square.")
        except SiamliteError:
            unreadable.append(name.as_posix())
            continue
        crop = align_face(image, cut.points * np.float32(image.shape[0]), cut.size_px, cut.template)
        write_image((cut.target / name).with_suffix(".png"), crop)
    return unreadable
