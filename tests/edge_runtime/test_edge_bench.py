"""What ``siamlite bench`` measures: every stage, on any frames; nothing here says how long anything takes."""

from __future__ import annotations

import itertools
import json
import stat
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from edge_helpers import GENUINE, Command, scene

from edge_runtime.errors import UsageError
from edge_runtime.faces.finder import FaceFinder
from edge_runtime.images import write_image
from edge_runtime.machine.bench import BenchPlan
from edge_runtime.machine.bench_plot import bench_svg
from edge_runtime.machine.drawn import drawn_frames
from edge_runtime.machine.stages import STAGES, WHOLE, percentiles
from edge_runtime.machine.state import MachineState, in_words, machine_state, throttling

QUICK = ["--repeats", 2, "--people", 3, "--max-threads", 1, "--cold-starts", 0]


@pytest.mark.parametrize("detector", ["full-range", "short-range", "back"])
@pytest.mark.parametrize("size", [(320, 240), (640, 480), (480, 640)], ids=str)
def test_the_drawn_face_is_found_and_good_enough(detector: str, size: tuple[int, int], models: Path) -> None:
    finder = FaceFinder(models=models, detector=detector)
    for image in itertools.islice(drawn_frames(*size, face_px=min(size) * 3 // 8), 0, 30, 6):
        assert image.shape == (size[1], size[0], 3)
        (found,) = finder.find(image)
        assert found.problem is None


def test_every_stage_is_timed_on_drawn_frames(siamlite: Command, tiny_tower_path: Path) -> None:
    code, out, err = siamlite("bench", "--json", "--tower", tiny_tower_path, *QUICK)
    result = json.loads(out)
    assert (code, err) == (0, "")
    assert list(result["stages"]) == [*STAGES, WHOLE]
    assert result["frames"] == {"source": "a drawn face", "width": 640, "height": 480, "timed": 2, "with_face": 2}
    assert all(times["runs"] == 2 for times in result["stages"].values())
    assert (result["threads"], result["cold_start"]) == ({}, None)
    assert set(result["before"]) == set(result["after"])
    assert result["tracker"][WHOLE]["runs"] == 2


def test_a_source_is_timed_again_and_again(
    siamlite: Command, tiny_tower_path: Path, att_faces: Path, tmp_path: Path
) -> None:
    picture = write_image(tmp_path / "p.png", scene(att_faces / GENUINE / "8.pgm"))
    code, out, _ = siamlite("bench", "--json", "--source", picture, "--tower", tiny_tower_path, *QUICK)
    assert (code, json.loads(out)["frames"]["with_face"], json.loads(out)["frames"]["width"]) == (0, 2, 320)
    wall = write_image(tmp_path / "wall.png", np.full((240, 320, 3), 96, np.uint8))
    code, out, _ = siamlite("bench", "--json", "--source", wall, "--tower", tiny_tower_path, *QUICK)
    assert (code, list(json.loads(out)["stages"])) == (0, ["grab", "detect", "decide", WHOLE])
    assert "there is no source" in siamlite.fails(3, "bench", "--source", "none", "--tower", tiny_tower_path, *QUICK)


def test_a_cold_start_reaches_a_decision_in_a_process_of_its_own(siamlite: Command, tiny_tower_path: Path) -> None:
    words = ["--repeats", 1, "--people", 2, "--max-threads", 2, "--cold-starts", 1]
    code, out, err = siamlite("bench", "--json", "--tower", tiny_tower_path, *words)
    assert (code, err) == (0, "")
    result = json.loads(out)
    assert result["cold_start"]["outcome"] in ("accepted", "rejected")
    assert result["cold_start"]["cpu_s"] > 0
    assert list(result["threads"]) == ["1", "2"]
    assert set(result["threads"]["2"]) == {"detect", "embed", WHOLE}


def test_the_plot_is_a_picture_with_every_stage(siamlite: Command, tiny_tower_path: Path, tmp_path: Path) -> None:
    plot = tmp_path / "bench.svg"
    words = ["bench", "--tower", tiny_tower_path, *QUICK, "--plot", plot]
    code, out, err = siamlite(*words)
    assert code == 0
    assert out.startswith("stage")
    assert "not available" in out or "°C" in out
    assert f"drawn: {plot}" in err
    said = [element.text for element in ElementTree.parse(plot).iter() if element.tag.endswith("text")]
    assert set(STAGES) <= set(said)
    assert "--force" in siamlite.fails(2, *words)
    assert siamlite(*words, "--force")[0] == 0
    assert ".svg" in siamlite.fails(2, *words[:-1], tmp_path / "bench.gif")


def test_names_from_a_card_cannot_break_the_plot(siamlite: Command, tiny_tower_path: Path) -> None:
    code, out, _ = siamlite("bench", "--json", "--tower", tiny_tower_path, *QUICK)
    result = json.loads(out)
    result["tower"]["name"] = "<script>&\"'"
    result["tracker"] = {WHOLE: percentiles([1.0])}
    result["threads"] = {"1": {WHOLE: percentiles([1.0])}}
    result["cold_start"] = {"cpu_s": 0.4, "wall_s": 0.5, "peak_mb": None, "outcome": "rejected", "runs": [{}]}
    assert code == 0
    svg = bench_svg(result)
    ElementTree.fromstring(svg)
    assert "<script>" not in svg


@pytest.mark.parametrize("size", ["640", "0x0", "axb", "640x", "64x480", "640x480x3", "-640x480"])
def test_a_size_that_is_none_is_refused(size: str, siamlite: Command, tiny_tower_path: Path) -> None:
    assert "error: " in siamlite.fails(2, "bench", "--tower", tiny_tower_path, *QUICK, f"--size={size}")


@pytest.mark.parametrize("plan", [{"frames": 0}, {"people": 0}, {"max_threads": 65}, {"cold_starts": -1}])
def test_a_plan_that_measures_nothing_is_refused(plan: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="must be from"):
        BenchPlan(**plan)


def test_percentiles_are_those_of_numpy() -> None:
    times = [float(n) for n in range(101)]
    assert percentiles(times) == {"p50_ms": 50.0, "p95_ms": 95.0, "p99_ms": 99.0, "mean_ms": 50.0, "runs": 101}


def test_the_state_is_read_from_the_system(tmp_path: Path) -> None:
    clock, zones = tmp_path / "devices/system/cpu/cpu0/cpufreq", tmp_path / "class/thermal"
    clock.mkdir(parents=True)
    (clock / "scaling_governor").write_text("ondemand\n")
    (clock / "scaling_cur_freq").write_text("1500000\n")
    for number, value in enumerate(["48312\n", "51200\n", "-274000\n", "nothing\n"]):
        (zones / f"thermal_zone{number}").mkdir(parents=True)
        (zones / f"thermal_zone{number}" / "temp").write_text(value)
    command = tmp_path / "vcgencmd"
    command.write_text('#!/bin/sh\n[ $1 = get_throttled ] && echo throttled=0x50005 || echo "temp=47.2\'C"\n')
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    state = machine_state(system=tmp_path, vcgencmd=str(command))
    assert (state.governor, state.frequency_mhz, state.temperature_c) == ("ondemand", 1500, 51.2)
    assert state.throttled == ("under-voltage now", "throttled now", "under-voltage before", "throttled before")
    assert machine_state(system=tmp_path / "none", vcgencmd=str(command)).temperature_c == 47.2


def test_what_a_machine_does_not_tell_is_not_available(tmp_path: Path) -> None:
    state = machine_state(system=tmp_path, vcgencmd=None)
    assert state == MachineState(governor=None, frequency_mhz=None, temperature_c=None, throttled=None)
    assert set(in_words(state).values()) == {"not available"}
    assert throttling("throttled=0x0") == ()
    assert throttling("") is throttling("VCHI initialization failed") is None
