"""Putting the tower file together, and proving it before it gets its name."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import edge_runtime
from edge_runtime.errors import CheckFailed, UsageError, WriteError
from edge_runtime.files import refuse_device, write_bytes
from edge_runtime.measures.metrics import OperatingPoint, operating_point
from edge_runtime.towers.bundle import Bundle
from edge_runtime.towers.card import Card
from edge_runtime.towers.interpreter import Backend
from edge_runtime.towers.tower import Tower
from edge_runtime.towers.trust import Trust
from export.delivery.golden import golden_crops
from export.gate.curves import curve_points, histogram
from export.gate.judge import embed_exported
from export.gate.result import GateResult
from export.gate.tables import evaluation_tables
from export.pictures.crops import CropSet
from export.runtimes.runner import Runner
from export.sources.subject import Subject

# In steps of 1, 2 and 5: identification among n people takes the threshold of a target's n-th part.
TARGET_FMRS = (*(step * decade for decade in (1e-5, 1e-4, 1e-3, 1e-2) for step in (1, 2, 5)), 0.1)


def solve_thresholds(result: GateResult) -> tuple[OperatingPoint, ...]:
    """Thresholds of the converted tower for every target FMR that its impostor pairs resolve, by rising target.

    Raises:
        CheckFailed: The default target is not among them.
    """
    targets = sorted({*TARGET_FMRS, result.target_fmr})
    points = tuple(point for fmr in targets if (point := operating_point(result.scores, fmr)) is not None)
    if result.target_fmr not in [point.target_fmr for point in points]:
        raise CheckFailed(f"no threshold could be solved for a false match rate of {result.target_fmr:g}.")
    return points


def assemble(
    flatbuffer: bytes,
    runner: Runner,
    subject: Subject,
    result: GateResult,
    *,
    runtimes: dict[str, dict[str, str]],
    representative: dict[str, Any],
    evaluation: dict[str, Any],
    kept_float: Sequence[str] = (),
) -> Bundle:
    """Put a tower's parts together.

    Args:
        flatbuffer: The converted model.
        runner: The interpreter that it was measured in.
        subject: What was exported.
        result: What the gate measured.
        runtimes: Which runtimes take it, for the card.
        representative: What it was calibrated with, for the card.
        evaluation: Whom it was evaluated on, for the card.
        kept_float: Names of the layers that stayed float.

    Raises:
        CheckFailed: A golden embedding or a threshold is not defined.
    """
    backend, crops = runner.backend, golden_crops(subject.spec.size_px)
    golden = embed_exported(runner, flatbuffer, subject.spec, crops)
    card = Card(
        name=subject.name,
        input=subject.spec,
        embedding_length=golden.shape[1],
        recipe=result.recipe,
        runtime_family=backend.family,
        runtime=f"{backend.distribution} {backend.version}",
        thresholds=solve_thresholds(result),
        default_fmr=result.target_fmr,
        template=subject.template,
        evaluation=evaluation_tables(result) | _drawn(result) | evaluation | _kept(kept_float),
        training=subject.training,
        representative=representative,
        runtimes=runtimes,
        versions=_versions(backend),
        licence=subject.licence,
        limits=subject.limits,
    )
    return Bundle(flatbuffer=flatbuffer, card=card, golden_crops=crops, golden_embeddings=golden)


def _drawn(result: GateResult) -> dict[str, Any]:
    """What the card's plots are drawn through."""
    before = None if result.change is None else result.change.scores
    curves = {"converted": curve_points(result.scores)} | ({} if before is None else {"float": curve_points(before)})
    return {"curves": curves, "histograms": histogram(before, result.scores)}


def _kept(layers: Sequence[str]) -> dict[str, Any]:
    return {"kept_float": [*layers]} if layers else {}


def representative_values(chosen: CropSet, *, seed: int, names: bool) -> dict[str, Any]:
    """The representative set for the card: pictures by their hashes, in the order that they were used in.

    People are numbers: a tower file goes to strangers, and who was photographed is nothing to them.

    Args:
        chosen: The set.
        seed: Chose it.
        names: Whether the pictures are named as well.
    """
    labels = chosen.labels
    files = [
        {"person": int(person), "sha256": file.sha256} | ({"name": file.name} if names else {})
        for person, file in zip(labels, chosen.files, strict=True)
    ]
    return {
        "pictures": len(chosen.files),
        "people": len(chosen.people),
        "kind": "prepared faces" if chosen.prepared else "photographs, aligned at export",
        "seed": seed,
        "sha256": chosen.sha256,
        "files": files,
    }


def _versions(backend: Backend) -> dict[str, str]:
    names = ("keras", "numpy", "opencv-python-headless", "opencv-python", "tensorflow")
    versions = {"python": platform.python_version(), "siamlite": edge_runtime.__version__}
    for name in names:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return versions | {backend.distribution: backend.version}


def write_proven(path: Path, data: bytes, *, family: str | None = None) -> Tower:
    """Write a tower file that has been read back, checked against its hashes and passed its self-test.

    That happens under another name in the same folder; only then does the file take its own. Whatever fails, the
    target stays as it was and nothing else is left.

    Args:
        path: The file to write.
        data: Its bytes, from :func:`edge_runtime.towers.bundle.pack_bundle`.
        family: Interpreter of this environment to prove it in; the preferred one if None.

    Returns:
        The tower, loaded.

    Raises:
        WriteError: The file cannot be written.
        TowerError: What was written does not load or fails its self-test.
    """
    proven: list[Tower] = []

    def prove(unproven: Path) -> None:
        # Its maker need not be among those whom this machine trusts.
        proven.append(Tower.load(unproven, family=family, trust=Trust.anyone()))

    write_bytes(path, data, prove=prove)
    tower = proven[0]
    tower.path = path
    return tower


def refuse_unwritable(path: Path, *, study: Path | None = None) -> None:
    """Refuse targets that could never be written, before minutes of work are spent on them.

    Args:
        path: The tower file.
        study: The folder of the study, if there is to be one.

    Raises:
        UsageError: Both are one path.
        WriteError: The file is a folder or a device, its folder cannot be made, or the user may not write there.
    """
    _refuse_place(path, path.parent, "--out")
    if study is not None:
        _refuse_place(study, study, "--study")
        if study.resolve() == path.resolve():
            raise UsageError(f"--out and --study are both {path}; the one is a file and the other a folder.")
    if os.path.isdir(path):
        raise WriteError(f"cannot write {path}: it is a folder. Give the name of a file, such as {path}/tower.tflite")
    refuse_device(path)


def _refuse_place(path: Path, folder: Path, option: str) -> None:
    """Refuse what cannot be made in a folder that need not be there yet."""
    while not os.path.exists(folder) and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        raise WriteError(f"cannot write {path}: {folder} is no folder. Choose another path with {option}.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise WriteError(f"cannot write {path}: you may not write to {folder}. Choose another path with {option}.")
