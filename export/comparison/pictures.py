"""The pictures that towers are compared on: the same for all, each tower's through its own preprocessing."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from edge_runtime.errors import DataError, FaceError, ImageError
from edge_runtime.files import sha256_bytes
from edge_runtime.images import Image
from edge_runtime.people import natural_key
from export.comparison.towers import Contender
from export.pictures.crops import CropReader, CropSet, PictureFile, interleave, list_files
from export.sources.run import Run

_log = logging.getLogger(__name__)
_NAMED = 5

# What a crop depends on: side in pixels and template. Towers that agree in it share their crops.
_Key = tuple[int, tuple[tuple[tuple[float, float], ...], tuple[float, ...], str]]


def choose_files(
    folder: Path, contenders: Sequence[Contender], runs: Sequence[Run], *, limit: int, seed: int
) -> tuple[list[PictureFile], int]:
    """The pictures to compare on, without those of people whom a run was trained on.

    Args:
        folder: Folder of people, prepared faces or plain photographs.
        contenders: The towers.
        runs: Training runs of towers, as far as the user gives them.
        limit: More pictures than that are drawn from, spread over the people.
        seed: Of the draw.

    Returns:
        The pictures in natural order, and how many were left out because a run was trained on their people.

    Raises:
        DataError: The folder is missing or empty, or a tower was trained on it and its run was not given.
    """
    files = list_files(folder)
    _refuse_training_data(folder, files, contenders, runs)
    names = {name for run in runs for name in run.train}
    hashes = {digest for run in runs for digest in _trained_hashes(run, folder)}
    kept = [file for file in files if file.person not in names and file.sha256 not in hashes]
    if not kept:
        raise DataError(f"the runs were trained on everybody in {folder}. Give a folder of other people with --data.")
    left_out = len(files) - len(kept)
    if len(kept) > limit:
        kept = interleave(kept, seed=seed)[:limit]
    return sorted(kept, key=lambda file: natural_key(file.name)), left_out


def training_sha256(files: Sequence[PictureFile]) -> str:
    """The hash that a training run, and so a tower's card, names its pictures by."""
    lines = sorted(f"{file.name}\0{file.sha256}\n" for file in files)
    return sha256_bytes("".join(lines).encode())


def _refuse_training_data(
    folder: Path, files: Sequence[PictureFile], contenders: Sequence[Contender], runs: Sequence[Run]
) -> None:
    digest = training_sha256(files)
    if digest in {run.config.get("data_sha256") for run in runs}:
        return
    trained = [one.name for one in contenders if one.tower.card.training.get("data_sha256") == digest]
    if trained:
        raise DataError(
            f"{folder} is what {', '.join(dict.fromkeys(trained))} was trained on, by its card: it would look better "
            "than it is. Give its run with --run RUN, and the people it was trained on are left out, or other people."
        )


def _trained_hashes(run: Run, folder: Path) -> set[str]:
    """Hashes of the pictures that a run was trained on, where they still are and names do not say it already."""
    if not run.data.is_dir() or run.data.resolve() == folder.resolve():
        return set()
    return {file.sha256 for file in list_files(run.data) if file.person in set(run.train)} - {""}


def read_shared(folder: Path, contenders: Sequence[Contender], files: Sequence[PictureFile]) -> list[CropSet]:
    """Read each picture for each tower; one that some tower cannot use is left out for all.

    Args:
        folder: Folder of people.
        contenders: The towers.
        files: The pictures, in the order of the result.

    Returns:
        For each tower its crops; the files are the same in all.

    Raises:
        DataError: A tower's input does not fit the prepared faces, or too few pictures can be used.
        TowerError: Photographs must be aligned and the face detector is missing.
    """
    readers: dict[_Key, CropReader] = {}
    for one in contenders:
        if _key(one) not in readers:
            readers[_key(one)] = _reader(folder, one)
    crops, used, skipped = _read(readers, files)
    _tell_skipped(skipped)
    _check_pairs(folder, used, len(skipped))
    prepared = next(iter(readers.values())).prepared
    sets = {
        key: CropSet(crops_rgb=np.stack(crops[key]), files=tuple(used), skipped=tuple(skipped), prepared=prepared)
        for key in readers
    }
    return [sets[_key(one)] for one in contenders]


def _key(one: Contender) -> _Key:
    return one.tower.spec.size_px, one.tower.card.template.geometry


def _reader(folder: Path, one: Contender) -> CropReader:
    try:
        return CropReader(folder, size_px=one.tower.spec.size_px, template=one.tower.card.template)
    except DataError as error:
        raise DataError(f"{one.name}: {error}") from error


def _read(
    readers: dict[_Key, CropReader], files: Sequence[PictureFile]
) -> tuple[dict[_Key, list[Image]], list[PictureFile], list[tuple[str, str]]]:
    crops: dict[_Key, list[Image]] = {key: [] for key in readers}
    used: list[PictureFile] = []
    skipped: list[tuple[str, str]] = []
    seen: dict[str, str] = {}
    for file in tqdm(files, desc="pictures", unit="picture", disable=not sys.stderr.isatty(), leave=False):
        if file.sha256 and file.sha256 in seen:
            skipped.append((file.name, f"the same picture as {seen[file.sha256]}"))
            continue
        try:
            read = {key: reader.read(file) for key, reader in readers.items()}
        except (ImageError, FaceError) as error:
            skipped.append((file.name, str(error)))
            continue
        for key, crop in read.items():
            crops[key].append(crop)
        seen[file.sha256] = file.name
        used.append(file)
    return crops, used, skipped


def _tell_skipped(skipped: Sequence[tuple[str, str]]) -> None:
    if skipped:
        _log.warning("%d pictures skipped, for every tower:", len(skipped))
        for name, reason in skipped[:_NAMED]:
            _log.warning("  %s: %s", name, reason)
        if len(skipped) > _NAMED:
            _log.warning("  and %d more", len(skipped) - _NAMED)


def _check_pairs(folder: Path, used: Sequence[PictureFile], skipped: int) -> None:
    people = [file.person for file in used]
    if len(set(people)) < 2 or len(set(people)) == len(people):
        raise DataError(
            f"{folder} has {len(people)} usable pictures of {len(set(people))} people ({skipped} skipped): two people "
            "are needed, one of them with two pictures. Give a larger folder with --data DIR."
        )
