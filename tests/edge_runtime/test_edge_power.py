"""Power draw, from stand-ins for what boards show: the forms are those of their documentation."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from edge_helpers import Command

from edge_runtime.machine.bench_plot import machine_lines
from edge_runtime.machine.power import Power, PowerMeter, board_power, rails_watts, sensor_power

ANSWER = """\
 3V7_WL_SW_A current(0)=0.10000000A
   3V3_SYS_A current(1)=0.20000000A
  VDD_CORE_A current(7)=2.00000000A
 3V7_WL_SW_V volt(8)=3.70000000V
   3V3_SYS_V volt(9)=3.30000000V
  VDD_CORE_V volt(15)=0.80000000V
     EXT5V_V volt(24)=5.15100000V
      BATT_V volt(25)=0.00000000V
"""
WATTS = 0.37 + 0.66 + 1.6


def stand_in(folder: Path, answer: str) -> str:
    command = folder / "vcgencmd"
    command.write_text(f"#!/bin/sh\n[ \"$1\" = pmic_read_adc ] && cat <<'X'\n{answer}X\n")
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    return str(command)


def sensor(system: Path, number: int, name: str, **files: str) -> Path:
    folder = system / f"class/hwmon/hwmon{number}"
    folder.mkdir(parents=True)
    (folder / "name").write_text(f"{name}\n")
    for file, text in files.items():
        (folder / file).write_text(f"{text}\n")
    return folder


def test_the_rails_of_a_power_chip_are_summed(tmp_path: Path) -> None:
    assert rails_watts(ANSWER) == pytest.approx(WATTS)
    power = board_power(system=tmp_path, vcgencmd=stand_in(tmp_path, ANSWER))
    assert power == Power(watts=pytest.approx(WATTS), source="power chip, sum of its rails")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "Command not registered\n",
        "EXT5V_V volt(24)=5.1V\n",
        "A_A current(0)=0.1A\nB_V volt(1)=1V\n",
        "X_A=1..2A\nX_V=1V",
    ],
)
def test_an_answer_without_a_whole_rail_is_none(answer: str, tmp_path: Path) -> None:
    assert rails_watts(answer) is None
    assert board_power(system=tmp_path, vcgencmd=stand_in(tmp_path, answer)) is None


def test_a_sensor_gives_microwatts(tmp_path: Path) -> None:
    folder = sensor(tmp_path, 0, "ina219", power1_input="4250000", curr1_input="850", in1_input="5000")
    assert sensor_power(folder) == [Power(watts=4.25, source="channel 1 of ina219")]


def test_a_sensor_without_power_gives_current_times_voltage(tmp_path: Path) -> None:
    files = {
        "curr1_input": "1000",
        "in1_input": "5000",
        "in1_label": "VDD_IN",
        "curr2_input": "200",
        "in2_input": "3300",
    }
    folder = sensor(tmp_path, 0, "ina3221", **files, curr3_input="none", in3_input="1")
    first, second = sensor_power(folder)
    assert (first, second.watts) == (Power(watts=5.0, source="VDD_IN of ina3221"), pytest.approx(0.66))


def test_the_channel_nearest_to_the_supply_counts_and_other_sensors_do_not(tmp_path: Path) -> None:
    sensor(tmp_path, 0, "cpu_thermal", temp1_input="50000")
    sensor(tmp_path, 1, "rpi_volt", power1_input="99000000")
    sensor(tmp_path, 2, "ina226", power1_input="3000000")
    sensor(tmp_path, 3, "ina260", power1_input="6000000")
    power = board_power(system=tmp_path, vcgencmd=stand_in(tmp_path, ANSWER))
    assert power == Power(watts=6.0, source="channel 1 of ina260")


def test_a_machine_that_does_not_tell_has_no_power(tmp_path: Path) -> None:
    assert board_power(system=tmp_path, vcgencmd=None) is None
    with PowerMeter(lambda: None) as meter:
        pass
    assert meter.as_mapping() is None


def test_a_meter_keeps_the_idle_draw_apart() -> None:
    answers = iter([Power(watts=2.0, source="x"), Power(watts=5.0, source="x"), None])
    with PowerMeter(lambda: next(answers, None)) as meter:
        pass
    assert meter.as_mapping() == {"before_w": 2.0, "mean_w": 5.0, "max_w": 5.0, "samples": 1, "source": "x"}


def test_bench_tells_the_power_draw(
    siamlite: Command, tiny_tower_path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stand_in(tmp_path, ANSWER)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    words = ["--repeats", 2, "--people", 3, "--max-threads", 1, "--cold-starts", 0]
    code, out, _ = siamlite("bench", "--json", "--tower", tiny_tower_path, *words)
    result = json.loads(out)
    assert code == 0
    assert result["power"]["before_w"] == pytest.approx(WATTS, abs=0.01)
    assert any(line.startswith("power draw: 2.63 W before") for line in machine_lines(result))
