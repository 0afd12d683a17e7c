"""What a board draws, where it tells: the Raspberry Pi 5's own power chip, or a sensor of the INA family."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from edge_runtime.machine.state import ask_board

# A line of ``vcgencmd pmic_read_adc``: `` VDD_CORE_A current(7)=2.46474000A``, ``  EXT5V_V volt(24)=5.15100000V``.
_READING = re.compile(r"^\s*(\w+)_([AV])\s*(?:\w+\(\d+\))?\s*=\s*([0-9.]+)[AV]\s*$", re.MULTILINE)
_EVERY_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """What is drawn now.

    Attributes:
        watts: Watts.
        source: What says so, and of what.
    """

    watts: float
    source: str


def board_power(*, system: Path = Path("/sys"), vcgencmd: str | None = "vcgencmd") -> Power | None:
    """Ask the board; None where it does not tell.

    A sensor on the supply is asked first: it sees everything, and the power chip only what it makes itself.

    Args:
        system: Where Linux shows its devices.
        vcgencmd: The Raspberry Pi's own command, if it is there.
    """
    sensors = [power for folder in sorted(system.glob("class/hwmon/hwmon*")) for power in sensor_power(folder)]
    if sensors:
        # Sensors may sit one behind the other; the one that sees most is the nearest to the supply.
        return max(sensors, key=lambda power: power.watts)
    watts = rails_watts(ask_board(vcgencmd, "pmic_read_adc"))
    return None if watts is None else Power(watts=watts, source="power chip, sum of its rails")


def rails_watts(answer: str) -> float | None:
    """The sum of what the rails of a Raspberry Pi 5's power chip give, in watts.

    USB devices and the chip's own losses are not in it.

    Args:
        answer: What ``vcgencmd pmic_read_adc`` printed; a rail counts if both its current and its voltage are there.

    Returns:
        None if there is no such rail.
    """
    found: dict[str, dict[str, float]] = {}
    for name, unit, number in _READING.findall(answer):
        try:
            found.setdefault(name, {})[unit] = float(number)
        except ValueError:
            continue
    rails = [rail["A"] * rail["V"] for rail in found.values() if len(rail) == 2]
    return sum(rails) if rails else None


def sensor_power(folder: Path) -> list[Power]:
    """What each channel of a sensor of the INA family measures; nothing for other sensors.

    By Linux's hwmon interface: ``powerN_input`` in microwatts, else ``currN_input`` in milliamperes times
    ``inN_input`` in millivolts.

    Args:
        folder: Such as ``/sys/class/hwmon/hwmon2``.
    """
    name = _read(folder / "name")
    if not name.startswith("ina"):
        return []
    channels = {path.name.removeprefix("power").removesuffix("_input") for path in folder.glob("power*_input")}
    direct = {channel: _number(folder / f"power{channel}_input", 1e6) for channel in channels}
    if not direct:
        numbers = {path.name.removeprefix("curr").removesuffix("_input") for path in folder.glob("curr*_input")}
        direct = {number: _product(folder, number) for number in numbers}
    return [
        Power(watts=watts, source=f"{_read(folder / f'in{channel}_label') or f'channel {channel}'} of {name}")
        for channel, watts in sorted(direct.items())
        if watts is not None
    ]


class PowerMeter:
    """Asks the board twice a second for as long as its block runs; a board that does not tell is asked once."""

    def __init__(self, ask: Callable[[], Power | None] = board_power) -> None:
        """Prepare a meter.

        Args:
            ask: Gives what is drawn now.
        """
        self._ask = ask
        self._idle = ask()
        self._watts: list[float] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> PowerMeter:
        """Begin."""
        if self._idle is not None:
            self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End."""
        self._over.set()
        if self._idle is not None:
            self._thread.join()

    def as_mapping(self) -> dict[str, Any] | None:
        """``before_w``, ``mean_w``, ``max_w``, ``samples`` and ``source``; None where the board does not tell."""
        if self._idle is None or not self._watts:
            return None
        return {
            "before_w": round(self._idle.watts, 2),
            "mean_w": round(sum(self._watts) / len(self._watts), 2),
            "max_w": round(max(self._watts), 2),
            "samples": len(self._watts),
            "source": self._idle.source,
        }

    def _look(self) -> None:
        while True:
            power = self._ask()
            if power is not None:
                self._watts.append(power.watts)
            if self._over.wait(_EVERY_S):
                return


def _product(folder: Path, number: str) -> float | None:
    current, voltage = _number(folder / f"curr{number}_input", 1e3), _number(folder / f"in{number}_input", 1e3)
    return None if current is None or voltage is None else current * voltage


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _number(path: Path, unit: float) -> float | None:
    try:
        return float(_read(path)) / unit
    except ValueError:
        return None
