"""How the machine is doing: clock governor, temperature, throttling. A hot board measures slower than a cool one."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

# What the bits of ``vcgencmd get_throttled`` mean (Raspberry Pi documentation); 16 higher: it happened since the start.
_THROTTLED = ("under-voltage", "frequency capped", "throttled", "soft temperature limit")


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineState:
    """What a machine tells about itself; None where it does not.

    Attributes:
        governor: The clock governor of the first core, such as ``"ondemand"``.
        frequency_mhz: Its clock now.
        temperature_c: The hottest of its thermal zones, in degrees Celsius.
        throttled: What slows it down now, or did since it was started; empty if nothing.
    """

    governor: str | None
    frequency_mhz: float | None
    temperature_c: float | None
    throttled: tuple[str, ...] | None


def machine_state(*, system: Path = Path("/sys"), vcgencmd: str | None = "vcgencmd") -> MachineState:
    """Look at the machine.

    Args:
        system: Where Linux shows its devices.
        vcgencmd: The Raspberry Pi's own command, if it is there.
    """
    clock = system / "devices/system/cpu/cpu0/cpufreq"
    khz = _number(_read(clock / "scaling_cur_freq"))
    zones = [_number(_read(zone)) for zone in sorted(system.glob("class/thermal/thermal_zone*/temp"))]
    # Zones that are switched off give nonsense.
    degrees = [zone / 1000 for zone in zones if zone is not None and -40_000 < zone < 150_000]
    if not degrees:
        own = _number(ask_board(vcgencmd, "measure_temp").partition("=")[2].removesuffix("'C"))
        degrees = [] if own is None else [own]
    return MachineState(
        governor=_read(clock / "scaling_governor") or None,
        frequency_mhz=None if khz is None else round(khz / 1000),
        temperature_c=round(max(degrees), 1) if degrees else None,
        throttled=throttling(ask_board(vcgencmd, "get_throttled")),
    )


def throttling(answer: str) -> tuple[str, ...] | None:
    """What ``vcgencmd get_throttled`` answered (``throttled=0x50005``), in words; None if it did not."""
    try:
        bits = int(answer.partition("=")[2], 16)
    except ValueError:
        return None
    now = [f"{word} now" for place, word in enumerate(_THROTTLED) if bits >> place & 1]
    before = [f"{word} before" for place, word in enumerate(_THROTTLED) if bits >> (place + 16) & 1]
    return (*now, *before)


def in_words(state: MachineState) -> dict[str, str]:
    """The state for a table; ``"not available"`` where the machine does not tell."""
    unknown = "not available"
    throttled = unknown if state.throttled is None else ", ".join(state.throttled) or "no"
    return {
        "governor": state.governor or unknown,
        "clock": unknown if state.frequency_mhz is None else f"{state.frequency_mhz:.0f} MHz",
        "temperature": unknown if state.temperature_c is None else f"{state.temperature_c:.1f} °C",
        "throttled": throttled,
    }


def ask_board(vcgencmd: str | None, question: str) -> str:
    """What the Raspberry Pi's own command answers to a question; empty where there is none, or no answer."""
    found = shutil.which(vcgencmd) if vcgencmd else None
    if found is None:
        return ""
    try:
        ran = subprocess.run([found, question], capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return ""
    return ran.stdout.strip()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
