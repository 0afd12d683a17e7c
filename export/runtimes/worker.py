"""What runs in another Python environment: ``PYTHON -m export.runtimes.worker FOLDER``, started by :mod:`.environment`.

It reads ``request.json`` and the files that it names, and leaves ``reply.json`` and ``arrays.npz`` in the same folder.
It needs what a device has: numpy, OpenCV, an interpreter, and this checkout's ``edge_runtime`` on its path.
"""

from __future__ import annotations

import functools
import json
import math
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt

    Arrays = dict[str, npt.NDArray[Any]]

_OLDEST = (3, 10)


def main(folder: Path) -> int:
    """Do what the request says; returns the exit code, which is 0 whenever there is a reply."""
    reply, arrays = _answer(folder)
    if arrays:
        import numpy as np

        np.savez(folder / "arrays.npz", **arrays)  # type: ignore[arg-type]
    whole = folder / "reply.json.part"
    whole.write_text(json.dumps(reply), encoding="utf-8")
    os.replace(whole, folder / "reply.json")
    return 0


def _answer(folder: Path) -> tuple[dict[str, Any], Arrays]:
    if sys.version_info < _OLDEST:
        return _failed("MissingDependency", f"it is Python {sys.version.split()[0]}, and 3.10 or newer is needed"), {}
    try:
        import edge_runtime.towers.tower  # noqa: F401
        from edge_runtime.errors import SiamliteError
    except ImportError as error:
        return _failed("MissingDependency", str(error)), {}
    try:
        request = json.loads((folder / "request.json").read_text(encoding="utf-8"))
        values, arrays = _TASKS[request["task"]](folder, request)
    except SiamliteError as error:
        cause = type(error.__cause__).__name__ if error.__cause__ is not None else ""
        return _failed(type(error).__name__, str(error), cause=cause), {}
    return {"backend": _backend(request["family"]), **values}, arrays


def _failed(error: str, message: str, *, cause: str = "") -> dict[str, Any]:
    return {"error": error, "message": message, "cause": cause}


def _backend(family: str | None) -> dict[str, str]:
    """Which interpreter is here, refused where it is known not to work."""
    import numpy as np

    from edge_runtime.errors import MissingDependency
    from edge_runtime.towers.interpreter import choose_backend

    backend = choose_backend(family)
    if backend.family == "tflite-runtime" and int(np.__version__.split(".")[0]) >= 2:
        raise MissingDependency(
            f"{backend.distribution} {backend.version} works with numpy below 2 only, and numpy {np.__version__} "
            "is installed"
        )
    return {"family": backend.family, "distribution": backend.distribution, "version": backend.version}


def _describe(folder: Path, request: dict[str, Any]) -> tuple[dict[str, Any], Arrays]:
    """Nothing but the interpreter's name, which every reply has."""
    return {}, {}


def _load(folder: Path, request: dict[str, Any]) -> tuple[dict[str, Any], Arrays]:
    """Load each model; what the interpreter says against it, or null."""
    refusals = [_unless_refused(folder, at, request, lambda _: None)[0] for at in range(len(request["models"]))]
    return {"refusals": refusals}, {}


def _run(folder: Path, request: dict[str, Any]) -> tuple[dict[str, Any], Arrays]:
    """Run each model on its inputs: the real values of its outputs, as ``MODEL-OUTPUT``, or what is said against it."""
    refusals: list[str | None] = []
    arrays: Arrays = {}
    for at in range(len(request["models"])):
        inputs = _inputs(folder, at)
        refusal, outputs = _unless_refused(folder, at, request, functools.partial(_outputs, columns=inputs))
        refusals.append(refusal)
        arrays |= {f"{at}-{number}": output for number, output in enumerate(outputs or [])}
    return {"refusals": refusals}, arrays


def _unless_refused(folder: Path, at: int, request: dict[str, Any], do: Callable[[Any], Any]) -> tuple[str | None, Any]:
    """Load a model and do something with it, or say why the interpreter does not.

    The file ``loading`` names the model under way, so that whoever waits knows which one crashed the process.
    """
    from edge_runtime.errors import TowerError
    from edge_runtime.towers.interpreter import Interpreter

    _backend(request["family"])
    (folder / "loading").write_text(str(at), encoding="utf-8")
    try:
        return None, do(Interpreter((folder / request["models"][at]).read_bytes(), family=request["family"]))
    except TowerError as error:
        return str(error), None


def _outputs(interpreter: Any, *, columns: list[npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
    """The outputs for each row of the inputs; a model without inputs gives the same at every run."""
    import numpy as np

    from edge_runtime.errors import TowerError
    from edge_runtime.towers.interpreter import dequantize

    if len(columns) != len(interpreter.inputs):
        raise TowerError(f"this model takes {len(interpreter.inputs)} inputs, not {len(columns)}.")
    rows = []
    for values in zip(*columns, strict=True) if columns else [()]:
        fed = [_fitted(value, spec) for value, spec in zip(values, interpreter.inputs, strict=True)]
        raw = interpreter.run(*fed)
        rows.append([dequantize(one, spec) for one, spec in zip(raw, interpreter.outputs, strict=True)])
    return [np.stack(column) for column in zip(*rows, strict=True)]


def _fitted(value: npt.NDArray[Any], spec: Any) -> npt.NDArray[Any]:
    from edge_runtime.errors import TowerError

    if value.size != math.prod(spec.shape):
        raise TowerError(f"this model takes inputs of shape {spec.shape}, not {value.shape}.")
    return _quantized(value, spec).reshape(spec.shape)


def _inputs(folder: Path, at: int = 0) -> list[npt.NDArray[Any]]:
    import numpy as np

    path = folder / f"inputs-{at}.npz"
    if not path.is_file():
        return []
    with np.load(path, allow_pickle=False) as held:
        return [held[str(i)] for i in range(len(held.files))]


def _quantized(value: npt.NDArray[np.float32], spec: Any) -> npt.NDArray[Any]:
    """Real values as an input takes them."""
    import numpy as np

    if spec.step == 0:
        return value.astype(spec.dtype)
    limits = np.iinfo(spec.dtype)
    return np.clip(np.rint(value / np.float32(spec.step)) + spec.zero_point, limits.min, limits.max).astype(spec.dtype)


def _embed(folder: Path, request: dict[str, Any]) -> tuple[dict[str, Any], Arrays]:
    """Embed crops by the device's own code."""
    embedder = _embedder(folder, request, request["models"][0])
    return {}, {"embeddings": embedder.embed(_inputs(folder)[0])}


def _time(folder: Path, request: dict[str, Any]) -> tuple[dict[str, Any], Arrays]:
    """Milliseconds of each model's runs on one crop, taking turns: whatever else the machine does meets all alike."""
    import numpy as np

    from edge_runtime.towers.preprocess import normalise, tower_pixels

    embedders = [_embedder(folder, request, name) for name in request["models"]]
    pixels = tower_pixels(_inputs(folder)[0][0], embedders[0].spec)
    fed = [_quantized(normalise(pixels, one.spec), one.interpreter.inputs[0])[None] for one in embedders]
    times = np.empty((len(embedders), request["rounds"]))
    for turn in range(-request["warm_up"], request["rounds"]):
        for i, embedder in enumerate(embedders):
            start = time.perf_counter()
            embedder.interpreter.run(fed[i])
            if turn >= 0:
                times[i, turn] = (time.perf_counter() - start) * 1e3
    return {}, {"times_ms": times}


def _embedder(folder: Path, request: dict[str, Any], name: str) -> Any:
    from edge_runtime.towers.preprocess import InputSpec
    from edge_runtime.towers.tower import Embedder

    _backend(request["family"])
    return Embedder((folder / name).read_bytes(), InputSpec(**request["spec"]), family=request["family"])


_TASKS = {"describe": _describe, "load": _load, "run": _run, "embed": _embed, "time": _time}


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
