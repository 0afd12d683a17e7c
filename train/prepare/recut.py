"""Faces that are prepared already, cut anew for a tower with another frame: no detection, only the transform between two templates."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

import cv2
from tqdm import tqdm

from edge_runtime.errors import DataError, SiamliteError, UsageError
from edge_runtime.faces.align import AlignmentTemplate, align_face
from edge_runtime.files import refuse_overwrite
from edge_runtime.images import read_image, write_image
from edge_runtime.people import read_faces_mark, scan_people, write_faces_mark
from train.data.sources.mark import marked_template

_CHUNK = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Recut:
    """What came of it.

    Attributes:
        folder: Where the new faces are.
        people: Number of people.
        kept: Number of faces.
        unreadable: Pictures that could not be read, below the old folder.
    """

    folder: Path
    people: int
    kept: int
    unreadable: tuple[str, ...]


def recut_faces(
    faces: str | Path, out: str | Path, *, template: AlignmentTemplate, size_px: int, jobs: int = 1
) -> Recut:
    """Cut prepared faces anew. What the old crops do not show is replicated from their border.

    Args:
        faces: A folder of prepared faces.
        out: The folder to make; the mark ``faces.json`` is written last.
        template: The new frame.
        size_px: The new side.
        jobs: Processes to work in.

    Raises:
        DataError: The folder is no prepared one.
        UsageError: The target is there.
        WriteError: A file cannot be written.
    """
    source, target = Path(faces), Path(out)
    mark = read_faces_mark(source)
    if mark is None:
        raise DataError(
            f"{source} holds no prepared faces. Prepare photographs: python -m train prepare RAW --out FACES"
        )
    held = marked_template(mark, str(source))
    refuse_overwrite(target, force=False)
    if source.resolve() in (target.resolve(), *target.resolve().parents):
        raise UsageError(f"--out {target} must lie outside {source}. Choose another --out.")
    people = scan_people(source)
    pictures = [path.relative_to(source) for person in people for path in person.pictures]
    unreadable: list[str] = []
    with tqdm(total=len(pictures), desc="cutting", unit="face", disable=not sys.stderr.isatty()) as bar:
        for failed in _in_parallel(source, target, pictures, (held, template), size_px, jobs):
            unreadable += failed
            bar.update(_CHUNK)
    write_faces_mark(
        target,
        {
            "size_px": size_px,
            "template": {"name": template.name, "points": [list(point) for point in template.points]},
            "detector": mark.get("detector", ""),
            "kept": len(pictures) - len(unreadable),
        },
    )
    return Recut(
        folder=target, people=len(people), kept=len(pictures) - len(unreadable), unreadable=tuple(sorted(unreadable))
    )


def _in_parallel(
    source: Path,
    target: Path,
    pictures: list[Path],
    templates: tuple[AlignmentTemplate, AlignmentTemplate],
    size_px: int,
    jobs: int,
) -> Iterator[list[str]]:
    parts = [pictures[first : first + _CHUNK] for first in range(0, len(pictures), _CHUNK)]
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(_cut, repeat(source), repeat(target), parts, repeat(templates), repeat(size_px))


def _cut(
    source: Path,
    target: Path,
    pictures: list[Path],
    templates: tuple[AlignmentTemplate, AlignmentTemplate],
    size_px: int,
) -> list[str]:
    cv2.setNumThreads(1)
    unreadable = []
    for name in pictures:
        try:
            image = read_image(source / name)
            if image.shape[0] != image.shape[1]:
                raise DataError(f"{source / name} is not square.")
        except SiamliteError:
            unreadable.append(name.as_posix())
            continue
        crop = align_face(image, templates[0].pixels(image.shape[0]), size_px, templates[1])
        path = (target / name).with_suffix(".png")
        path.parent.mkdir(parents=True, exist_ok=True)
        write_image(path, crop)
    return unreadable
