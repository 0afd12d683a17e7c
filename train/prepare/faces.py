"""From photographs to a folder of aligned faces: whole or not at all."""

from __future__ import annotations

import contextlib
import csv
import io
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
from tqdm import tqdm

from edge_runtime.errors import DataError, UsageError
from edge_runtime.faces.finder import FaceFinder
from edge_runtime.files import refuse_overwrite, write_bytes
from edge_runtime.people import FACES_MARK, PersonFolder, read_faces_mark, scan_people, write_faces_mark
from edge_runtime.towers.interpreter import choose_backend
from train.data.sources.archive import ArchiveSource, is_archive, open_archive
from train.prepare.contact import write_contact_sheets
from train.prepare.cut import Job, Record, face_names
from train.prepare.journal import Work, open_work
from train.prepare.unpack import unpacked
from train.prepare.workers import FinderSettings, run_jobs


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


def prepare_faces(
    raw: str | Path, out: str | Path, *, finder: FaceFinder, force: bool = False, jobs: int = 1
) -> Prepared:
    """Cut the faces out of a folder, or an archive, of photographs.

    The faces are written into a work folder beside the target (see :mod:`train.prepare.journal`), which takes the
    target's name when all is done: an interrupted run leaves nothing that could be taken for a finished one, and the
    same call goes on where it stopped. The same photographs give the same bytes, whatever the number of processes.

    Args:
        raw: One folder a person, with photographs inside; or an archive of such folders.
        out: The folder to make: ``person/picture.png``, ``rejected.csv``, contact sheets and the mark ``faces.json``.
        finder: The face detector with the size and limits of the crops.
        force: Replace a folder of prepared faces that is there.
        jobs: Processes to work in; more than one build finders of their own, in the user's models folder.

    Raises:
        DataError: Fewer than two people are left, or ``raw`` holds no photographs or is prepared already.
        UsageError: The target exists, or lies in or around the folder of photographs, or another process makes it.
        WriteError: A file cannot be written.
        SiamliteError: A worker process was ended.
    """
    source, target = Path(raw), Path(out)
    if jobs < 1:
        raise UsageError(f"the number of jobs must be 1 or more, not {jobs}.")
    archive = open_archive(source) if is_archive(source) else None
    people = scan_people(source) if archive is None else []
    _check_folders(source, target, marked=archive is not None and archive.kind == "faces", force=force)
    with open_work(target, _settings(finder)) as work:
        try:
            with _photographs(source, archive, work) as (folder, damaged):
                people = people or scan_people(folder)
                records = [*_cut_all(_jobs(folder, people, work), finder, work, jobs), *damaged]
                prepared = _finish(source, folder, work, people, records, finder)
        except DataError:
            work.remove()
            raise
        work.put_in_place()
        work.remove()
    return prepared


@contextlib.contextmanager
def _photographs(source: Path, archive: ArchiveSource | None, work: Work) -> Iterator[tuple[Path, tuple[Record, ...]]]:
    """The folder of photographs, and records of those that could not be got out of an archive."""
    if archive is None:
        yield source, ()
        return
    folder = work.folder / "photographs"
    with unpacked(archive, folder) as damaged:
        yield folder, damaged


def _check_folders(source: Path, target: Path, *, marked: bool, force: bool) -> None:
    if marked or read_faces_mark(source) is not None:
        raise DataError(f"{source} is prepared already. Use it: python -m train fit --data {source} --out RUN")
    inner, outer = source.resolve(), target.resolve()
    if inner == outer or inner in outer.parents or outer in inner.parents:
        raise UsageError(f"--out {target} must lie outside {source}, the folder of photographs. Choose another --out.")
    refuse_overwrite(target, force=force)
    # Forcing replaces a folder as a whole, so it must be one that this command wrote.
    if target.exists() and not (target.is_dir() and ((target / FACES_MARK).exists() or not any(target.iterdir()))):
        raise UsageError(f"{target} holds no prepared faces; --force replaces only those. Choose another --out.")


def _settings(finder: FaceFinder) -> dict[str, object]:
    """All that the faces depend on besides the photographs."""
    backend = choose_backend()
    programs = [f"opencv {cv2.__version__}", f"{backend.distribution} {backend.version}"]
    return {**FinderSettings.of(finder).as_mapping(), "programs": programs}


def _jobs(source: Path, people: list[PersonFolder], work: Work) -> list[Job]:
    found = []
    for person in people:
        for path, name in face_names(source, person):
            picture = path.relative_to(source).as_posix()
            face = f"{person.name}/{name}"
            before = work.done.get(picture)
            found.append(Job(path=path, picture=picture, face=face, folder=work.faces, before=before))
    return found


def _cut_all(jobs: list[Job], finder: FaceFinder, work: Work, processes: int) -> list[Record]:
    records = []
    with tqdm(
        total=len(jobs), desc="preparing", unit="picture", disable=not sys.stderr.isatty(), file=sys.stderr
    ) as bar:
        for record in run_jobs(jobs, finder, processes):
            work.note(record)
            records.append(record)
            bar.update()
    return records


def _finish(
    source: Path, folder: Path, work: Work, people: list[PersonFolder], records: list[Record], finder: FaceFinder
) -> Prepared:
    """Write what stands beside the faces; the mark comes last."""
    kept = {record.face for record in records if record.face}
    rejected = tuple(
        Rejected(picture=record.picture, reason=record.reason, detail=record.detail)
        for record in records
        if not record.face
    )
    result = Prepared(
        folder=work.target, people=len({face.split("/")[0] for face in kept}), kept=len(kept), rejected=rejected
    )
    if result.people < 2:
        why = ", ".join(f"{count} {reason}" for reason, count in result.reasons.items()) or "none rejected"
        raise DataError(
            f"only {result.people} of the {len(people)} people in {source} have a usable face ({why}); two are needed. "
            "Add photographs with one clear face each."
        )
    _sweep(work.faces, kept)
    _write_rejected(work.faces / "rejected.csv", rejected)
    write_contact_sheets(work.faces, folder, records)
    settings = FinderSettings.of(finder).as_mapping()
    write_faces_mark(
        work.faces,
        {
            **{key: settings[key] for key in ("size_px", "template", "detector", "limits")},
            "people": result.people,
            "kept": result.kept,
            "rejected": result.reasons,
        },
    )
    return result


def _sweep(folder: Path, kept: set[str]) -> None:
    """Remove what an interrupted run left and this one did not make again."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif path.relative_to(folder).as_posix() not in kept:
            path.unlink()


def _write_rejected(path: Path, rejected: tuple[Rejected, ...]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["picture", "reason", "detail"])
    writer.writerows((item.picture, item.reason, item.detail) for item in rejected)
    write_bytes(path, text.getvalue().encode())
