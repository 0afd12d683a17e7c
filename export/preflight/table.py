"""What was seen when real models ran in the real interpreters: ``runtimes.json``, written by a command.

``python -m benchmarks.compatibility table`` makes it anew. Nobody edits it by hand.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_runtime.errors import DataError
from edge_runtime.files import read_json

TABLE = Path(__file__).with_name("runtimes.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """What one interpreter takes.

    Attributes:
        name: What preflight calls it, such as ``"tflite-runtime-2.14"``.
        interpreter: Which was measured, such as ``"tflite-runtime 2.14.0"``.
        versions: For each built-in operator the lowest and highest version that it knows.
        runs: Signatures (:func:`export.preflight.signatures.signature`) that gave what floating point gives, each with
            the cosine similarity of the two.
        wrong: Signatures that ran without an error and gave something else, with that cosine.
        refused: Signatures that it did not run, with what it said.
    """

    name: str
    interpreter: str
    versions: dict[str, tuple[int, int]]
    runs: dict[str, float]
    wrong: dict[str, float]
    refused: dict[str, str]


@functools.lru_cache(maxsize=1)
def read_table() -> dict[str, Runtime]:
    """The interpreters by name.

    Raises:
        DataError: The table is missing or damaged.
    """
    held = read_json(TABLE, what="the table of runtimes")
    try:
        return {name: _runtime(name, values) for name, values in held["runtimes"].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(
            f"the table of runtimes, {TABLE}, is damaged ({error!r}). Make it again: "
            "python -m benchmarks.compatibility table"
        ) from error


def _runtime(name: str, values: dict[str, Any]) -> Runtime:
    return Runtime(
        name=name,
        interpreter=str(values["interpreter"]),
        versions={str(operator): (int(low), int(high)) for operator, (low, high) in values["versions"].items()},
        runs={str(key): float(cosine) for key, cosine in values["runs"].items()},
        wrong={str(key): float(cosine) for key, cosine in values["wrong"].items()},
        refused={str(key): str(said) for key, said in values["refused"].items()},
    )
