"""Checkpoints that survive being killed at any moment.

Keras's ``BackupAndRestore`` writes its files in place, so a kill in the middle can leave weights of one epoch with the
count of another. Here each state has file names of its own; ``state.json``, replaced in one step and only when they
are safe on the disk, says which of them count. Whatever is not named there is a leftover and is removed.
"""

from __future__ import annotations

import math
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edge_runtime.errors import DataError, WriteError
from edge_runtime.files import read_json, sha256_file, write_json

_STATE = "state.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingState:
    """Where a training stands.

    Attributes:
        epoch: Number of finished epochs.
        weights: File with the weights and the optimizer's state after them.
        weights_sha256: Its hash.
        best_epoch: The epoch (from 1) with the highest score so far.
        best_score: Its score: numbers that are compared one after the other, higher is better.
        improved_epoch: The last epoch that scored higher than all before it; of equal epochs the later one is best, but
            it is no improvement to be patient for.
        best: File with the tower of that epoch.
        best_sha256: Its hash.
    """

    epoch: int
    weights: str
    weights_sha256: str
    best_epoch: int
    best_score: list[float]
    improved_epoch: int
    best: str
    best_sha256: str


def read_state(folder: Path) -> TrainingState | None:
    """Where the training of a run stands; None if no epoch is finished.

    Raises:
        DataError: The files are damaged.
    """
    path = folder / _STATE
    if not path.exists():
        return None
    try:
        state = TrainingState(**read_json(path, what="the state of the training"))
    except TypeError as error:
        raise DataError(f"{path} is not a state that this version wrote. Start again with --force.") from error
    for name, digest in ((state.weights, state.weights_sha256), (state.best, state.best_sha256)):
        if not (folder / name).is_file() or sha256_file(folder / name) != digest:
            raise DataError(f"the checkpoint {folder / name} is missing or damaged. Start again with --force.")
    return state


def write_state(
    folder: Path, model: Any, tower: Any | None, *, epoch: int, score: tuple[float, ...], before: TrainingState | None
) -> TrainingState:
    """Write a checkpoint after an epoch.

    Args:
        folder: The run's folder of checkpoints.
        model: The compiled model: its weights and its optimizer's state are kept.
        tower: The tower as it is to be delivered if this epoch is the best so far, else None.
        epoch: Number of finished epochs.
        score: How good this epoch is.
        before: The state before this epoch.

    Raises:
        WriteError: A file cannot be written; the state before stands.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _need_space(folder, model)
    weights = f"epoch-{epoch:04d}.weights.h5"
    _save(folder / weights, model.save_weights)
    if tower is not None:
        best = f"best-{epoch:04d}.keras"
        _save(folder / best, tower.save)
        chosen: dict[str, Any] = {"best_epoch": epoch, "best_score": list(score), "best": best}
        chosen["best_sha256"] = sha256_file(folder / best)
    elif before is not None:
        chosen = {name: value for name, value in asdict(before).items() if name.startswith("best")}
    else:
        raise ValueError("the first checkpoint needs a tower")
    improved = before is None or list(score) > before.best_score
    state = TrainingState(
        epoch=epoch,
        weights=weights,
        weights_sha256=sha256_file(folder / weights),
        improved_epoch=epoch if before is None or improved else before.improved_epoch,
        **chosen,
    )
    write_json(folder / _STATE, asdict(state))
    for path in folder.iterdir():
        if path.name not in (_STATE, state.weights, state.best):
            path.unlink(missing_ok=True)
    return state


def _need_space(folder: Path, model: Any) -> None:
    """Refuse to begin what the disk cannot hold: HDF5 takes the whole process down when it cannot flush a file."""
    held = sum(math.prod(one.shape) * 4 for one in (*model.variables, *model.optimizer.variables))
    # The tower of the best epoch comes on top of the weights and the optimizer, and HDF5 adds headings.
    needed, free = 2 * held + (1 << 20), shutil.disk_usage(folder).free
    if free < needed:
        raise WriteError(
            f"cannot write a checkpoint to {folder}: {free / 1e6:.1f} MB are free, {needed / 1e6:.1f} MB needed. "
            "Free some space; the same command then goes on after the last finished epoch."
        )


def _save(path: Path, save: Any) -> None:
    """Save with Keras and flush to the disk, so that the state which names the file comes after its content."""
    try:
        save(str(path))
        with open(path, "rb") as stream:
            os.fsync(stream.fileno())
    except OSError as error:
        raise WriteError(f"cannot write the checkpoint {path}: {error.strerror or error}. Free some space.") from error
