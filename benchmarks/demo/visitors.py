"""Who is enrolled, who comes before the camera, and what the verifier says to each of them."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.demo.att import PICTURES_EACH
from benchmarks.demo.scene import plan_visits, write_video
from benchmarks.demo.score import Attempt, match_visits, tally
from benchmarks.demo.steps import Steps
from edge_runtime.images import write_image
from edge_runtime.sources.camera import open_source
from edge_runtime.towers.card import Card

# Of an enrolled person's ten pictures the first five are enrolled, the others are shown to the camera.
ENROLLED_PICTURES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What came of a video.

    Attributes:
        verification: Every visitor claiming to be each enrolled person.
        identification: Every visitor once, without a claim.
        bench: What ``siamlite bench`` measured on a frame of the video.
        frames: Folder of the annotated frames of identification.
    """

    verification: list[Attempt]
    identification: list[Attempt]
    bench: dict[str, Any]
    frames: Path

    def to_dict(self) -> dict[str, Any]:
        """The counts and the times as plain values."""
        return {
            "verify": tally(self.verification).to_dict(),
            "identify": tally(self.identification).to_dict(),
            "latency": self.bench["stages"],
        }


def lay_out(faces: Path, photos: Path, visitors: Sequence[str]) -> list[tuple[str, bool]]:
    """Lay out the visitors' photographs: what is enrolled of the first half, and what all of them show.

    Args:
        faces: Folder of the AT&T faces.
        photos: Folder to lay them out in.
        visitors: Names of the people.

    Returns:
        Each person, and whether they are enrolled.
    """
    known = visitors[: len(visitors) // 2]
    for name in visitors:
        copy_pictures(faces / name, photos / "shown" / name, range(ENROLLED_PICTURES + 1, PICTURES_EACH + 1))
    for name in known:
        copy_pictures(faces / name, photos / "enrol" / name, range(1, ENROLLED_PICTURES + 1))
    return [(name, name in known) for name in visitors]


def copy_pictures(source: Path, target: Path, numbers: range) -> None:
    """Copy some of a person's pictures."""
    target.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        shutil.copyfile(source / f"{number}.pgm", target / f"{number}.pgm")


def try_out(
    steps: Steps, out: Path, people: list[tuple[str, bool]], *, tower: str | Path, rate: float | None, seed: int
) -> Trial:
    """Enrol the known people, render the video, put every question to the verifier, and time it.

    Args:
        steps: Runs the commands.
        out: The demo's folder, with the photographs laid out.
        people: Each person, and whether they are enrolled.
        tower: The tower, as ``--tower`` takes it.
        rate: Target FMR of a whole identification; the default one if None.
        seed: Of the order and the video.
    """
    gallery, video, still = out / "home/gallery.db", out / "camera.mp4", out / "still.png"
    known = [name for name, is_known in people if is_known]
    for name in known:
        steps.run(
            "edge_runtime", "enroll", name, "--source", out / "photos/enrol" / name, "--tower", tower,
            "--gallery", gallery, "--force", "--allow-duplicate", "--json",
        )  # fmt: skip
    visits = plan_visits(people, seed=seed)
    shown = {name: sorted((out / "photos/shown" / name).iterdir()) for name, _ in people}
    write_video(video, visits, shown, seed=seed)
    common: list[str | Path] = ["--source", video, "--tower", tower, "--gallery", gallery, "--watch", "--json"]
    # Strangers come on purpose, one after the other: a lockout would hide what the tower says of them.
    common += ["--max-rejections", "0"]
    verification: list[Attempt] = []
    for name in known:
        verification += match_visits(steps.run("edge_runtime", "verify", name, *common), visits, claimed=name)
    frames = out / "frames"
    shutil.rmtree(frames, ignore_errors=True)
    asked = [] if rate is None else ["--fmr", f"{rate:g}"]
    answers = steps.run("edge_runtime", "identify", *common, *asked, "--annotate", frames)
    _write_still(video, still, at_s=visits[0].start_s + 1.5)
    bench = steps.run(
        "edge_runtime", "bench", "--tower", tower, "--source", still, "--people", str(len(known)),
        "--max-threads", "1", "--cold-starts", "0", "--json",
    )[0]  # fmt: skip
    identification = match_visits(answers, visits, claimed=None)
    return Trial(verification=verification, identification=identification, bench=bench, frames=frames)


def identification_rate(card: Card, people: int) -> float | None:
    """The rate for a whole identification that a card with few thresholds can keep; None where the default will do."""
    strictest = min(point.target_fmr for point in card.thresholds) * people
    return None if strictest <= (card.default_fmr or 0.0) else strictest


def _write_still(video: Path, path: Path, *, at_s: float) -> None:
    """One frame of the video with a face in it, for timing."""
    source = open_source(str(video))
    try:
        write_image(path, next(frame for frame in source if frame.time_s >= at_s).image_rgb)
    finally:
        source.close()
