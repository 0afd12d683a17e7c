"""One photograph: its aligned face written, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.errors import FaceError, ImageError, WriteError
from edge_runtime.faces.finder import FaceFinder
from edge_runtime.files import sha256_bytes, sha256_file
from edge_runtime.images import decode_image, encode_image
from edge_runtime.people import PersonFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What became of one photograph; ``face`` is empty where it gave none, ``reason`` where it gave one.

    Attributes:
        picture: The photograph's path below the folder of photographs, with forward slashes.
        sha256: Hash of the photograph's bytes; empty if they cannot be read.
        face: The face's path below the folder of faces.
        face_sha256: Hash of the face's file.
        reason: ``unreadable``, ``no-face``, ``several-faces`` or the code of a quality problem.
        detail: What is wrong with it, for a person.
    """

    picture: str
    sha256: str
    face: str = ""
    face_sha256: str = ""
    reason: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A photograph to cut a face out of.

    Attributes:
        path: Where it is.
        picture: Its path below the folder of photographs, with forward slashes.
        face: The path that its face gets below the folder of faces.
        folder: The folder of faces.
        before: What became of it in a preparation that was interrupted.
    """

    path: Path
    picture: str
    face: str
    folder: Path
    before: Record | None = None


def face_names(source: Path, person: PersonFolder) -> Iterator[tuple[Path, str]]:
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


def cut_out(job: Job, finder: FaceFinder) -> Record:
    """Write the aligned face of a photograph, unless an earlier run has: then its record is given back.

    Raises:
        WriteError: The face cannot be written.
    """
    try:
        data = job.path.read_bytes()
    except OSError as error:
        return Record(picture=job.picture, sha256="", reason="unreadable", detail=error.strerror or str(error))
    digest = sha256_bytes(data)
    if job.before is not None and _still_holds(job, job.before, digest):
        return job.before
    try:
        found = finder.find_one(decode_image(data, name=job.path.name), name=job.path.name)
    except ImageError as error:
        return Record(picture=job.picture, sha256=digest, reason="unreadable", detail=str(error))
    except FaceError as error:
        reason = "no-face" if str(error).startswith("no face") else "several-faces"
        return Record(picture=job.picture, sha256=digest, reason=reason, detail=str(error))
    if found.problem is not None:
        return Record(picture=job.picture, sha256=digest, reason=found.problem[0], detail=found.problem[1])
    png = encode_image(found.crop_rgb)
    _write(job.folder / job.face, png)
    return Record(picture=job.picture, sha256=digest, face=job.face, face_sha256=sha256_bytes(png))


def _write(path: Path, data: bytes) -> None:
    """Write a face, not flushed to the disk one by one: half of the time would go there.

    The work folder is no one's result yet. The journal has the hash of what must be in the file, and all is flushed
    together before the folder gets its name.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise WriteError(
            f"cannot write {path}: {error.strerror or error}. Free some space or choose another --out; what is "
            "finished is kept: the same command goes on from there."
        ) from error


def _still_holds(job: Job, before: Record, digest: str) -> bool:
    """Whether the photograph is the one of the record, and its face is there as it was written."""
    if before.sha256 != digest or before.face not in ("", job.face):
        return False
    path = job.folder / job.face
    return not before.face or (path.is_file() and sha256_file(path) == before.face_sha256)
