"""External delegates: libraries that run a model, or a part of it, on other hardware such as an Edge TPU."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_runtime.errors import MissingDependency, UsageError

# What a library must export to be a delegate (TensorFlow Lite's external delegate interface).
_ENTRY = "tflite_plugin_create_delegate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegate:
    """A delegate to be loaded.

    Attributes:
        library: Its file, or a name that the system's loader finds.
        options: What it is told, as it names them itself.
    """

    library: str
    options: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        """Refuse a delegate without a library."""
        if not self.library.strip():
            raise UsageError("a delegate is LIBRARY[,option=value…], such as libedgetpu.so.1,device=usb.")

    @classmethod
    def parse(cls, text: str) -> Delegate:
        """From ``LIBRARY[,option=value…]``, as the command line gives it.

        Raises:
            UsageError: It is nothing of the kind.
        """
        library, *rest = text.split(",")
        pairs = []
        for item in rest:
            name, equals, value = item.partition("=")
            if not equals or not name.strip():
                raise UsageError(f"{item!r:.50} is no option of a delegate: write --delegate LIBRARY,option=value.")
            pairs.append((name.strip(), value.strip()))
        return cls(library=library.strip(), options=tuple(pairs))

    def __str__(self) -> str:
        return ",".join([Path(self.library).name, *(f"{name}={value}" for name, value in self.options)])


def load_delegate(delegate: Delegate, module: Any) -> Any:
    """Load a delegate for an interpreter.

    Args:
        delegate: Which.
        module: The interpreter's module.

    Raises:
        MissingDependency: The library is missing or cannot be loaded, it is no delegate, or its device is not there.
    """
    # The interpreters' own messages do not say which of the three it was.
    try:
        library = ctypes.CDLL(delegate.library)
    except OSError as error:
        raise MissingDependency(
            f"the delegate {delegate.library} cannot be loaded: {error}. Install it, give its whole path, or leave out "
            "--delegate."
        ) from error
    if not hasattr(library, _ENTRY):
        raise MissingDependency(f"{delegate.library} is no TFLite delegate: it lacks {_ENTRY}. Leave out --delegate.")
    try:
        return module.load_delegate(delegate.library, dict(delegate.options))
    except (ValueError, RuntimeError, OSError) as error:
        said = [line for line in str(error).splitlines() if line.strip() and "Failed to load delegate" not in line]
        raise MissingDependency(
            f"the delegate {delegate} does not start{': ' + said[0].strip() if said else ''}. Is its device plugged "
            "in, and may you use it? Or leave out --delegate."
        ) from error
