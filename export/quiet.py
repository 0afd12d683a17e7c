"""TensorFlow without its chatter: kept off the terminal, and given back when something unforeseen breaks."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from typing import Any

from edge_runtime.commands.quiet import quiet_stderr
from edge_runtime.errors import MissingDependency, SiamliteError

_log = logging.getLogger(__name__)

# Each of these is about TensorFlow's or Keras's own insides; nothing that the user could act on.
_KNOWN_WARNINGS: tuple[tuple[str, type[Warning]], ...] = (
    ("__array__ implementation doesn't accept a copy keyword", DeprecationWarning),
    ("Statistics for quantized inputs were expected", UserWarning),
    (r"\s*Warning: tf\.lite\.Interpreter is deprecated", UserWarning),
)


def import_tensorflow() -> tuple[Any, Any]:
    """TensorFlow and Keras, imported at the last moment: that takes seconds.

    Returns:
        The modules ``tensorflow`` and ``keras``.

    Raises:
        MissingDependency: TensorFlow is not installed here.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    with quiet_tensorflow():
        try:
            import keras
            import tensorflow as tf
        except ImportError as error:
            raise MissingDependency(
                f"exporting needs TensorFlow, which cannot be imported here ({error}). "
                "Run: pip install -r requirements/dev.txt"
            ) from error
    return tf, keras


@contextlib.contextmanager
def quiet_tensorflow() -> Iterator[None]:
    """Hold back what TensorFlow's C++ and absl code writes to stderr while the block runs.

    It goes to the debug log when the block ends well or with an error of our own, which says in one line what is
    wrong. Any other exception brings it back to stderr, so that nothing is hidden from whoever has to find a bug.
    """
    held, unforeseen = "", False
    try:
        with warnings.catch_warnings(), quiet_stderr() as said:
            for message, category in _KNOWN_WARNINGS:
                warnings.filterwarnings("ignore", message=message, category=category)
            try:
                yield
            except (SiamliteError, KeyboardInterrupt):
                raise
            except BaseException:
                unforeseen = True
                raise
            finally:
                held = said().strip()
    finally:
        if held and unforeseen:
            print(held, file=sys.stderr)
        elif held:
            _log.debug("TensorFlow said: %s", held)
