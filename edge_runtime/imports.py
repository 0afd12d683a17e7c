"""Say which package is missing, and how to install it, before anything fails to import."""

from __future__ import annotations

import importlib.util

from edge_runtime.errors import MissingDependency


def require_runtime() -> None:
    """Check that OpenCV is there; the interpreter is checked when a model is loaded.

    Raises:
        MissingDependency: It is not installed.
    """
    if importlib.util.find_spec("cv2") is None:
        raise MissingDependency("OpenCV is not installed. Run: pip install 'siamlite[edge]'")
