"""Which TFLite interpreters are installed here. No other file of the device names their packages."""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from edge_runtime.errors import MissingDependency, UsageError

Family = Literal["litert", "tflite-runtime"]

# In order of preference: family, module, distribution. Full-int8 results of the first are the same bytes on every
# machine and version; the second computes some of them otherwise, so it makes another embedding space.
_BACKENDS: tuple[tuple[Family, str, str], ...] = (
    ("litert", "ai_edge_litert.interpreter", "ai-edge-litert"),
    ("tflite-runtime", "tflite_runtime.interpreter", "tflite-runtime"),
)
# LiteRT's second way of running a model, since 2.0.
_COMPILED = "ai_edge_litert.compiled_model"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """An interpreter that is installed here.

    Attributes:
        family: Embeddings of one family may be compared: LiteRT's full-int8 ones are the same bytes everywhere,
            tflite-runtime's differ by single steps between x86-64 and Arm.
        distribution: Name of the package that brings it.
        version: Its version.
    """

    family: Family
    distribution: str
    version: str

    @property
    def compiles(self) -> bool:
        """Whether it brings LiteRT's ``CompiledModel`` as well."""
        return self.family == "litert" and _is_there(_COMPILED)


def installed_backends() -> list[Backend]:
    """The interpreters that are installed here, the preferred one first."""
    found = []
    for family, module, distribution in _BACKENDS:
        if _is_there(module) and (version := _version(module, distribution)):
            found.append(Backend(family=family, distribution=distribution, version=version))
    return found


def choose_backend(family: str | None = None) -> Backend:
    """The preferred interpreter, or the one of a family.

    Raises:
        UsageError: The family is unknown.
        MissingDependency: It is not installed.
    """
    families = [name for name, _, _ in _BACKENDS]
    if family is not None and family not in families:
        raise UsageError(f"unknown interpreter {family!r}; known are {', '.join(families)}.")
    for backend in installed_backends():
        if family in (None, backend.family):
            return backend
    extra = "tflite-runtime" if family == "tflite-runtime" else "edge"
    missing = "no TFLite interpreter is" if family is None else f"the interpreter {family!r} is not"
    raise MissingDependency(f"{missing} installed here. Run: pip install 'siamlite[{extra}]'")


def import_backend(backend: Backend) -> Any:
    """The module of an interpreter, imported on the first call: that takes time and memory of its own.

    Raises:
        ImportError: It is installed but cannot be imported.
    """
    return importlib.import_module(next(module for family, module, _ in _BACKENDS if family == backend.family))


def import_compiled(backend: Backend) -> Any:
    """The module of LiteRT's ``CompiledModel``.

    Raises:
        MissingDependency: This interpreter has none.
        ImportError: It is installed but cannot be imported.
    """
    if not backend.compiles:
        raise MissingDependency(
            f"{backend.distribution} {backend.version} has no CompiledModel: leave out --engine compiled, or run: "
            "pip install 'ai-edge-litert>=2'"
        )
    return importlib.import_module(_COMPILED)


def _version(module: str, distribution: str) -> str | None:
    """The version of a package, from the folder that every installed one has beside it; None if it has none.

    ``importlib.metadata`` would need a tenth of a cold start for it, most of it to load a reader of e-mail headers.
    """
    package = importlib.util.find_spec(module.partition(".")[0])
    if package is not None and package.origin is not None:
        name = distribution.replace("-", "_")
        found = list(Path(package.origin).parents[1].glob(f"{name}-*.dist-info"))
        if len(found) == 1:
            return found[0].name.removesuffix(".dist-info").removeprefix(f"{name}-")
    from importlib import metadata

    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ImportError:
        return False
