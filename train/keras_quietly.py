"""Keras on TensorFlow without the wall of C++ notes: every module that needs Keras takes it from here.

The settings must stand in the environment before TensorFlow is first imported, so they are made at import time.
"""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edge_runtime.commands.quiet import quiet_stderr
from edge_runtime.errors import MissingDependency, TowerError

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
os.environ["KERAS_BACKEND"] = "tensorflow"


@contextlib.contextmanager
def _quiet_unless_it_fails() -> Iterator[None]:
    """Keep what TensorFlow's C++ code prints before it reads its log level off the terminal; show it on failure."""
    held = ""
    try:
        with quiet_stderr() as said:
            try:
                yield
            except BaseException:
                held = said()
                raise
    finally:
        if held:
            print(held, end="", file=sys.stderr)


try:
    with _quiet_unless_it_fails():
        import keras
        import tensorflow as tf

        tf.config.list_physical_devices()
except ImportError as error:
    raise MissingDependency(
        f"training needs TensorFlow, which cannot be imported here ({error}). Run: pip install -r requirements/dev.txt"
    ) from error


@contextlib.contextmanager
def known_warnings() -> Iterator[None]:
    """Hide the one warning that Keras gives with every file and every training: TensorFlow lags behind numpy 2."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="__array__ implementation", category=DeprecationWarning)
        yield


def load_keras(path: str | Path) -> Any:
    """Load a ``.keras`` file in safe mode, without its optimizer.

    Raises:
        TowerError: It is missing, damaged, or not made of built-in layers.
    """
    if Path(path).exists() and not zipfile.is_zipfile(path):
        raise TowerError(f"{path} is damaged: it is no .keras archive. Copy it again, or train the tower again.")
    try:
        with known_warnings():
            return keras.saving.load_model(str(path), compile=False, safe_mode=True)
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise TowerError(f"{path} cannot be loaded: {first} Train the tower again.") from error


__all__ = ["keras", "known_warnings", "load_keras", "tf"]
