"""Who the gate and the thresholds are measured on: people whom the tower has never seen."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from edge_runtime.errors import DataError
from edge_runtime.people import natural_key
from export.pictures.crops import PictureFile, interleave, list_files, name_some
from export.sources.run import Run

_log = logging.getLogger(__name__)

# All pairs of 3000 pictures are 4.5 million: enough for FMR 1e-4 and still a matter of seconds.
MAX_PICTURES = 3000


def shared(first: Sequence[PictureFile], second: Sequence[PictureFile]) -> tuple[list[str], list[str]]:
    """People (by name) and pictures of ``first`` (by content) that are in ``second`` as well."""
    people = {file.person for file in first} & {file.person for file in second}
    hashes = {file.sha256 for file in second} - {""}
    pictures = sorted(file.name for file in first if file.sha256 in hashes)
    return sorted(people, key=natural_key), pictures


def same_folder(first: Path, second: Path) -> bool:
    """Whether two paths are one folder."""
    return first.resolve() == second.resolve()


def evaluation_folder(run: Run, evaluate: Path | None) -> Path:
    """The folder to evaluate on: the given one, or the run's own data.

    Raises:
        DataError: The run's data folder is gone.
    """
    if evaluate is not None:
        return evaluate
    if not run.data.is_dir():
        raise DataError(
            f"the faces that this run held out are not at {run.data} any more. "
            "Put the folder back, or give other people with --evaluate DIR."
        )
    return run.data


def evaluation_files(run: Run, evaluate: Path | None, *, seed: int) -> list[PictureFile]:
    """The pictures to evaluate on, at most :data:`MAX_PICTURES`.

    Args:
        run: The training run; without ``evaluate`` its validation people are used.
        evaluate: A folder of other people.
        seed: Chooses among more pictures than that.

    Raises:
        DataError: Somebody in ``evaluate`` was trained on, or the run's validation people are gone.
    """
    folder = evaluation_folder(run, evaluate)
    files = list_files(folder)
    if evaluate is None or same_folder(folder, run.data):
        files = [file for file in files if file.person in set(run.validation)]
        missing = sorted(set(run.validation) - {file.person for file in files}, key=natural_key)
        if missing:
            _log.warning("validation people without pictures in %s: %s", folder, name_some(missing))
        if not files:
            raise DataError(f"none of this run’s validation people is in {folder}. Give others with --evaluate DIR.")
    else:
        _refuse_trained(run, files, folder)
    return not_too_many(files, seed=seed)


def not_too_many(files: Sequence[PictureFile], *, seed: int, most: int = MAX_PICTURES) -> list[PictureFile]:
    """At most so many pictures, spread over all people, in natural order."""
    if len(files) > most:
        _log.info("evaluating on %d of %d pictures, spread over all people", most, len(files))
        files = interleave(files, seed=seed)[:most]
    return sorted(files, key=lambda file: natural_key(file.name))


def _refuse_trained(run: Run, files: Sequence[PictureFile], folder: Path) -> None:
    """Refuse people whom the tower was trained on: on them it is better than it is."""
    names = sorted({file.person for file in files} & set(run.train), key=natural_key)
    pictures: list[str] = []
    if run.data.is_dir():
        trained = [file for file in list_files(run.data) if file.person in set(run.train)]
        pictures = shared(files, trained)[1]
    if names or pictures:
        raise DataError(
            f"{folder} holds {_who(names, pictures)} that the tower was trained on, so it would look better than it "
            "is. Leave them out (or rename the folders of people who only share a name)."
        )


def refuse_overlap(representative: Sequence[PictureFile], evaluation: Sequence[PictureFile], *, where: str) -> None:
    """Refuse a representative set that shares people or pictures with the evaluation.

    Raises:
        DataError: It does; the message names them.
    """
    people, pictures = shared(representative, evaluation)
    if people or pictures:
        raise DataError(
            f"the representative set and the evaluation ({where}) share {_who(people, pictures)}. They must be of "
            "different people: give another folder to --representative or --evaluate (the run's own data folder serves "
            "as both: its validation people are left out of the representative set)."
        )


def _who(people: Sequence[str], pictures: Sequence[str]) -> str:
    parts = []
    if people:
        parts.append(f"{len(people)} people ({name_some(people)})")
    if pictures:
        parts.append(f"{len(pictures)} pictures ({name_some(pictures)})")
    return " and ".join(parts)
