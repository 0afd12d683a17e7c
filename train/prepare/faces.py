"""From photographs to a folder of aligned faces: whole or not at all."""

from __future__ import annotations

import csv
import io
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from tqdm import tqdm

from edge_runtime.errors import DataError, FaceError, ImageError, UsageError, WriteError
from edge_runtime.faces import FaceFinder
from edge_runtime.files import refuse_overwrite, write_bytes
from edge_runtime.images import read_image, write_image
from edge_runtime.people import FACES_MARK, PersonFolder, read_faces_mark, scan_people, write_faces_mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A photograph that gave no face.

    Attributes:
        picture: Its path below the folder of photographs, with forward slashes.
        reason: ``unreadable``, ``no-face``, ``several-faces`` or the code of a quality problem.
        detail: What is wrong with it, for a person.
    """

    picture: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What became of a folder of photographs.

    Attributes:
        folder: Where the faces are.
        people: Number of people with at least one face.
        kept: Number of faces.
        rejected: The photographs that gave none.
    """

    folder: Path
    people: int
    kept: int
    rejected: tuple[Rejected, ...]

    @property
    def reasons(self) -> dict[str, int]:
        """How many photographs were rejected for each reason, the most frequent first."""
        return dict(Counter(item.reason for item in self.rejected).most_common())


def prepare_faces(raw: str | Path, out: str | Path, *, finder: FaceFinder, force: bool = False) -> Prepared:
    """Cut the faces out of a folder of photographs.

    The faces are written into a folder beside the target, which takes the target's name when all is done: an
    interrupted run leaves nothing that could be taken for a finished one. The same photographs give the same bytes.

    Args:
        raw: One folder a person, with photographs inside.
        out: The folder to make: ``person/picture.png``, ``rejected.csv`` and the mark ``faces.json``.
        finder: The face detector with the size and limits of the crops.
        force: Replace a folder of prepared faces that is there.

    Raises:
        DataError: Fewer than two people are left, or ``raw`` holds no photographs or is prepared already.
        UsageError: The target exists, or lies in or around the folder of photographs.
        WriteError: A file cannot be written.
    """
    source, target = Path(raw), Path(out)
    people = scan_people(source)
    _check_folders(source, target, force=force)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent))
    except OSError as error:
        raise WriteError(f"cannot write beside {target}: {error.strerror or error}. Choose another --out.") from error
    try:
        prepared = _fill(source, part, people, finder)
        part.chmod(0o755)
        _put_in_place(part, target)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return Prepared(folder=target, people=prepared.people, kept=prepared.kept, rejected=prepared.rejected)


def _check_folders(source: Path, target: Path, *, force: bool) -> None:
    if read_faces_mark(source) is not None:
        raise DataError(f"{source} is prepared already. Use it: python -m train fit --data {source} --out RUN")
    inner, outer = source.resolve(), target.resolve()
    if inner == outer or inner in outer.parents or outer in inner.parents:
        raise UsageError(f"--out {target} must lie outside the folder of photographs, {source}.")
    refuse_overwrite(target, force=force)
    # Forcing replaces a folder as a whole, so it must be one that this command wrote.
    if target.exists() and not (target.is_dir() and ((target / FACES_MARK).exists() or not any(target.iterdir()))):
        raise UsageError(f"{target} holds no prepared faces; --force replaces only those. Choose another --out.")


def _fill(source: Path, folder: Path, people: list[PersonFolder], finder: FaceFinder) -> Prepared:
    rejected: list[Rejected] = []
    kept: Counter[str] = Counter()
    jobs = [(person, path, name) for person in people for path, name in _face_names(source, person)]
    for person, path, name in _with_progress(jobs):
        problem = _cut_out(path, folder / person.name / name, finder)
        if problem is None:
            kept[person.name] += 1
        else:
            picture = path.relative_to(source).as_posix()
            rejected.append(Rejected(picture=picture, reason=problem[0], detail=problem[1]))
    result = Prepared(folder=folder, people=len(kept), kept=kept.total(), rejected=tuple(rejected))
    if result.people < 2:
        why = ", ".join(f"{count} {reason}" for reason, count in result.reasons.items()) or "none rejected"
        raise DataError(
            f"only {result.people} of the {len(people)} people in {source} have a usable face ({why}); two are needed. "
            "Add photographs with one clear face each."
        )
    _write_rejected(folder / "rejected.csv", rejected)
    write_faces_mark(
        folder,
        {
            "size_px": finder.size_px,
            "template": {"name": finder.template.name, "points": [list(point) for point in finder.template.points]},
            "detector": finder.detector.model.name,
            "limits": asdict(finder.limits),
            "people": result.people,
            "kept": result.kept,
            "rejected": result.reasons,
        },
    )
    return result


def _face_names(source: Path, person: PersonFolder) -> Iterable[tuple[Path, str]]:
    """A file name for each picture's face; no two are alike, even where upper and lower case are one."""
    taken: set[str] = set()
    for path in person.pictures:
        inside = path.relative_to(source / person.name)
        stem = "-".join((*inside.parts[:-1], inside.stem))
        name, number = f"{stem}.png", 2
        while name.casefold() in taken:
            name, number = f"{stem}~{number}.png", number + 1
        taken.add(name.casefold())
        yield path, name


def _cut_out(path: Path, target: Path, finder: FaceFinder) -> tuple[str, str] | None:
    """Write the aligned face of a photograph; give the reason and its detail where there is none to write."""
    try:
        image_rgb = read_image(path)
    except ImageError as error:
        return "unreadable", str(error)
    try:
        found = finder.find_one(image_rgb, name=path.name)
    except FaceError as error:
        return ("no-face" if str(error).startswith("no face") else "several-faces"), str(error)
    if found.problem is not None:
        return found.problem
    write_image(target, found.crop_rgb)
    return None


def _with_progress(jobs: list[tuple[PersonFolder, Path, str]]) -> Iterable[tuple[PersonFolder, Path, str]]:
    bar: Iterable[tuple[PersonFolder, Path, str]] = tqdm(
        jobs, desc="preparing", unit="picture", disable=not sys.stderr.isatty(), file=sys.stderr
    )
    return bar


def _write_rejected(path: Path, rejected: list[Rejected]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["picture", "reason", "detail"])
    writer.writerows((item.picture, item.reason, item.detail) for item in rejected)
    write_bytes(path, text.getvalue().encode())


def _put_in_place(part: Path, target: Path) -> None:
    """Give the finished folder its name; a folder that has it already is moved aside first and then removed."""
    aside = part.with_suffix(".old")
    try:
        if target.exists():
            target.rename(aside)
        part.rename(target)
    except OSError as error:
        if aside.exists() and not target.exists():
            aside.rename(target)
        raise WriteError(f"cannot write {target}: {error.strerror or error}. Nothing was changed.") from error
    shutil.rmtree(aside, ignore_errors=True)
