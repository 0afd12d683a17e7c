"""siamlite on the device: from camera frames to a verification decision.

This package is the ground floor of siamlite. It imports numpy, OpenCV and one TFLite interpreter, never TensorFlow,
and it holds everything that must be the same code in training, in calibration and on the device: face detection,
alignment, preprocessing, similarity and error-rate metrics.

The names below are the public Python API. They are loaded on first use, so that ``import edge_runtime`` costs
milliseconds and works before the optional dependencies are installed.

Example:
    >>> from edge_runtime import Tower, Gallery, Verifier, open_source  # doctest: +SKIP
    >>> tower = Tower.load("tower.tflite")  # doctest: +SKIP
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

# How many pixels a picture may have, which OpenCV reads once, when it is loaded (edge_runtime/images.py).
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(1 << 26))

__version__ = "0.1.0"

_HOMES = {
    "Decision": "decisions.decide",
    "DecisionPolicy": "decisions.policy",
    "FaceFinder": "faces.finder",
    "Gallery": "gallery.store",
    "Guard": "decisions.guard",
    "LivenessPolicy": "liveness.policy",
    "LockoutPolicy": "decisions.lockout",
    "Outcome": "decisions.decide",
    "QualityLimits": "faces.quality",
    "SiamliteError": "errors",
    "Tower": "towers.tower",
    "TrackPolicy": "faces.tracker",
    "Trust": "towers.trust",
    "Verifier": "decisions.verifier",
    "open_source": "sources.camera",
}

__all__ = [
    "Decision",
    "DecisionPolicy",
    "FaceFinder",
    "Gallery",
    "Guard",
    "LivenessPolicy",
    "LockoutPolicy",
    "Outcome",
    "QualityLimits",
    "SiamliteError",
    "Tower",
    "TrackPolicy",
    "Trust",
    "Verifier",
    "__version__",
    "open_source",
]

if TYPE_CHECKING:
    from edge_runtime.decisions.decide import Decision, Outcome
    from edge_runtime.decisions.guard import Guard
    from edge_runtime.decisions.lockout import LockoutPolicy
    from edge_runtime.decisions.policy import DecisionPolicy
    from edge_runtime.decisions.verifier import Verifier
    from edge_runtime.errors import SiamliteError
    from edge_runtime.faces.finder import FaceFinder
    from edge_runtime.faces.quality import QualityLimits
    from edge_runtime.faces.tracker import TrackPolicy
    from edge_runtime.gallery.store import Gallery
    from edge_runtime.liveness.policy import LivenessPolicy
    from edge_runtime.sources.camera import open_source
    from edge_runtime.towers.tower import Tower
    from edge_runtime.towers.trust import Trust


def __getattr__(name: str) -> Any:
    """Load a public name from its module on first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'edge_runtime' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"edge_runtime.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
