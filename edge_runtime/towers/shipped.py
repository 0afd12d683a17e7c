"""The towers that come with siamlite, and which file a word on the command line means."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.home import expanded, home_folder

TOWER_VARIABLE = "SIAMLITE_TOWER"
_MODELS = Path(__file__).resolve().parents[1] / "models"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShippedTower:
    """A tower inside the package.

    Attributes:
        name: What the command line calls it.
        purpose: What it is for, in one line.
    """

    name: str
    purpose: str

    @property
    def path(self) -> Path:
        """Its file."""
        return _MODELS / f"{self.name}.tflite"


SHIPPED = {
    tower.name: tower
    for tower in (
        ShippedTower(name="accurate", purpose="the default: free for any use"),
        ShippedTower(name="small", purpose="a third of the size, about half the time; for research only"),
    )
}
DEFAULT_SHIPPED = "accurate"


def find_tower(given: str | Path | None) -> Path:
    """The tower file that is meant.

    Args:
        given: The name of a shipped tower, or a path; a file that is called like a shipped tower is ``./accurate``.
            None stands for ``$SIAMLITE_TOWER`` (either), else ``tower.tflite`` at siamlite's home where there is one,
            else the shipped default.

    Returns:
        The path; whether there is a tower is seen when it is loaded.
    """
    chosen = str(given) if given is not None else os.environ.get(TOWER_VARIABLE, "")
    if chosen in SHIPPED:
        return SHIPPED[chosen].path
    if chosen:
        return expanded(chosen)
    own = home_folder() / "tower.tflite"
    return own if own.exists() else SHIPPED[DEFAULT_SHIPPED].path
