"""``python -m benchmarks.fusing``: error rates of attempts of several frames, by how the frames are fused."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.demo.att import PICTURES_EACH, extract_att
from edge_runtime.commands.console import EXIT_OK, emit, run_command, table
from edge_runtime.decisions.fuse import fuse
from edge_runtime.decisions.policy import DecisionPolicy
from edge_runtime.decisions.verifier import fitting_finder
from edge_runtime.errors import UsageError
from edge_runtime.faces.finder import FaceFinder
from edge_runtime.faces.quality import quality_weight
from edge_runtime.fetch import install_detectors
from edge_runtime.gallery.match import Enrolled, person_similarities
from edge_runtime.home import cache_folder
from edge_runtime.images import Image, read_image
from edge_runtime.towers.tower import Tower

PEOPLE, ENROLLED = 40, 5
POLICIES = {
    "mean": DecisionPolicy(fusing="mean"),
    "weighted": DecisionPolicy(fusing="weighted"),
    "5 of 5": DecisionPolicy(fusing="k-of-n"),
    "3 of 5": DecisionPolicy(fusing="k-of-n", needed=3),
}


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.fusing",
        description="The AT&T people are enrolled with five pictures each; the other five are blurred, darkened and "
        "made small at random, and attempts are drawn of five of them. FMR and FNMR at one threshold for all.",
    )
    add = parser.add_argument
    add("--tower", type=Path, default=Path(__file__).resolve().parents[1] / "tests/data/tiny.tflite", metavar="FILE")
    add("--variants", type=int, default=3, metavar="N", help="damaged versions of each picture (default: 3)")
    add("--attempts", type=int, default=50, metavar="N", help="attempts of each person (default: 50)")
    add("--fmr", type=float, default=0.01, help="FMR of a single frame that sets the threshold (default: 0.01)")
    add("--json", action="store_true", help="print the result as JSON on standard output")
    add("--debug", action="store_true", help="show tracebacks")
    parser.set_defaults(run=_run)
    return parser


def _run(options: argparse.Namespace) -> int:
    if options.variants < 1 or options.attempts < 1 or not 0 < options.fmr < 1:
        raise UsageError("at least one variant and one attempt are needed, and an FMR between 0 and 1.")
    tower, att = Tower.load(options.tower), extract_att(cache_folder() / "att")
    with tempfile.TemporaryDirectory() as folder:
        finder = fitting_finder(tower, models=install_detectors(folder=Path(folder))[0].parent)
    frames = _damaged_frames(tower, finder, att, _enrolled(tower, finder, att), options.variants)
    singles = np.concatenate([rows for rows, _ in frames])
    whose = np.repeat(np.arange(PEOPLE), [len(rows) for rows, _ in frames])
    threshold = float(np.quantile(singles[whose[:, None] != np.arange(PEOPLE)], 1 - options.fmr))
    rows = [_rates("single frames", singles, whose, threshold)]
    rng = np.random.default_rng(0)
    drawn = [[rng.choice(len(rows), 5, replace=False) for _ in range(options.attempts)] for rows, _ in frames]
    for name, policy in POLICIES.items():
        fused = [
            fuse(list(similarities[picked]), weights[picked].tolist(), policy)
            for (similarities, weights), attempts in zip(frames, drawn, strict=True)
            for picked in attempts
        ]
        rows.append(_rates(name, np.stack(fused), np.repeat(np.arange(PEOPLE), options.attempts), threshold))
    if options.json:
        emit({"tower": tower.card.name, "threshold": threshold, "rates": rows})
    else:
        lines = [["fusing", "genuine", "impostor", "FMR", "FNMR"]]
        for row in rows:
            counts = [f"{row['genuine']}", f"{row['impostor']}"]
            lines.append([row["fusing"], *counts, f"{row['fmr']:.4f}", f"{row['fnmr']:.4f}"])
        print(table(lines))
    return EXIT_OK


def _enrolled(tower: Tower, finder: FaceFinder, att: Path) -> Enrolled:
    def rows(person: int) -> npt.NDArray[np.float32]:
        pictures = [read_image(att / f"s{person}/{number}.pgm") for number in range(1, ENROLLED + 1)]
        return np.stack([tower.embed_one(finder.find_one(picture).crop_rgb) for picture in pictures])

    return Enrolled.of({f"s{person}": rows(person) for person in range(1, PEOPLE + 1)})


def _damaged_frames(
    tower: Tower, finder: FaceFinder, att: Path, enrolled: Enrolled, variants: int
) -> list[tuple[npt.NDArray[np.float32], npt.NDArray[np.float64]]]:
    """For each person the similarities of their good frames to all people, and the weights of these frames."""
    rng = np.random.default_rng(1)
    people = []
    for person in range(1, PEOPLE + 1):
        rows, weights = [], []
        for number in range(ENROLLED + 1, PICTURES_EACH + 1):
            picture = read_image(att / f"s{person}/{number}.pgm")
            for _ in range(variants):
                found = finder.find(_damage(picture, rng), photo=True)
                if len(found) == 1 and found[0].problem is None:
                    rows.append(person_similarities(tower.embed_one(found[0].crop_rgb), enrolled))
                    weights.append(quality_weight(found[0].quality))
        people.append((np.stack(rows), np.array(weights)))
    return people


def _damage(picture: Image, rng: np.random.Generator) -> Image:
    """A third as it is; the others blurred, dark or small, more or less, as frames of somebody walking up are."""
    if rng.random() < 1 / 3:
        return picture
    small = cv2.resize(picture, None, fx=(scale := rng.uniform(0.55, 1)), fy=scale, interpolation=cv2.INTER_AREA)
    blurred = cv2.GaussianBlur(small, (0, 0), rng.uniform(0.3, 2.0))
    noise = rng.normal(0, 6, blurred.shape[:2])[..., None]
    return np.asarray(np.clip(blurred * rng.uniform(0.35, 1) + noise, 0, 255), dtype=np.uint8)


def _rates(
    name: str, similarities: npt.NDArray[np.floating], whose: npt.NDArray[np.intp], threshold: float
) -> dict[str, Any]:
    genuine = whose[:, None] == np.arange(PEOPLE)
    return {
        "fusing": name,
        "genuine": int(genuine.sum()),
        "impostor": int((~genuine).sum()),
        "fmr": float(np.mean(similarities[~genuine] >= threshold)),
        "fnmr": float(np.mean(similarities[genuine] < threshold)),
    }


if __name__ == "__main__":
    raise SystemExit(run_command(make_parser(), None))
