"""Putting the tower file together, and proving it before it gets its name."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
from pathlib import Path

import edge_runtime
from edge_runtime.bundle import Bundle, pack_bundle
from edge_runtime.card import Card
from edge_runtime.errors import CheckFailed, WriteError
from edge_runtime.files import write_bytes
from edge_runtime.metrics import OperatingPoint, operating_point
from edge_runtime.tower import Embedder, Tower
from edge_runtime.trust import Trust
from export.delivery.golden import golden_crops
from export.gate.judge import GateResult, embed_exported
from export.gate.tables import evaluation_tables
from export.pictures.crops import CropSet
from export.sources.run import Run, public_training

TARGET_FMRS = (1e-4, 1e-3, 1e-2, 1e-1)


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
    embedder: Embedder,
    run: Run,
    result: GateResult,
    *,
    representative: CropSet,
    evaluation: CropSet,
    evaluated_on: str,
    seed: int,
    name: str,
    licence: str,
) -> Bundle:
    """Put a tower's parts together.

    Args:
        flatbuffer: The converted model.
        embedder: The same, loaded in the real interpreter.
        run: The run that trained it.
        result: What the gate measured.
        representative: What it was calibrated with.
        evaluation: What it was evaluated on.
        evaluated_on: Who that was, for the card.
        seed: Chose the representative set.
        name: What people shall call the tower.
        licence: Licence of its weights.

    Raises:
        CheckFailed: A golden embedding or a threshold is not defined.
    """
    backend = embedder.interpreter.backend
    crops = golden_crops(run.spec.size_px)
    card = Card(
        name=name,
        input=run.spec,
        embedding_length=embedder.embedding_length,
        recipe=result.recipe,
        runtime_family=backend.family,
        runtime=f"{backend.distribution} {backend.version}",
        thresholds=solve_thresholds(result),
        default_fmr=result.target_fmr,
        template=run.template,
        evaluation=evaluation_tables(result) | {"on": evaluated_on, "sha256": evaluation.sha256},
        training=public_training(run),
        representative={
            "pictures": len(representative.files),
            "people": len(representative.people),
            "kind": "prepared faces" if representative.prepared else "photographs, aligned at export",
            "seed": seed,
            "sha256": representative.sha256,
        },
        versions=_versions(backend.distribution),
        licence=licence,
    )
    golden = embed_exported(embedder, crops)
    return Bundle(flatbuffer=flatbuffer, card=card, golden_crops=crops, golden_embeddings=golden)


def _versions(interpreter: str) -> dict[str, str]:
    names = ("keras", "numpy", "opencv-python-headless", "opencv-python", "tensorflow", interpreter)
    versions = {"python": platform.python_version(), "siamlite": edge_runtime.__version__}
    for name in names:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return versions


def write_proven(path: Path, bundle: Bundle) -> Tower:
    """Write a tower file that has been read back, checked against its hashes and passed its self-test.

    That happens under another name in the same folder; only then does the file take its own. Whatever fails, the
    target stays as it was and nothing else is left.

    Args:
        path: The file to write.
        bundle: Its parts.

    Returns:
        The tower, loaded.

    Raises:
        WriteError: The file cannot be written.
        TowerError: What was written does not load or fails its self-test.
    """
    unproven = path.with_name(f".{path.name}.{os.getpid()}.unproven")
    try:
        write_bytes(unproven, pack_bundle(bundle))
        # Its maker need not be among those whom this machine trusts.
        tower = Tower.load(unproven, trust=Trust.anyone())
        os.replace(unproven, path)
    except OSError as error:
        raise WriteError(f"cannot write {path}: {error.strerror or error}. Nothing was changed.") from error
    finally:
        with contextlib.suppress(OSError):
            unproven.unlink()
    tower.path = path
    return tower


def refuse_unwritable(path: Path) -> None:
    """Refuse a target that could never be written, before minutes of work are spent on it.

    Raises:
        WriteError: It is a folder, its folder cannot be made, or the user may not write there.
    """
    folder = path.parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if path.is_dir():
        raise WriteError(f"cannot write {path}: it is a folder. Give the name of a file, such as {path}/tower.tflite")
    if not folder.is_dir():
        raise WriteError(f"cannot write {path}: {folder} is no folder. Choose another path with --out.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise WriteError(f"cannot write {path}: you may not write to {folder}. Choose another path with --out.")
