"""Which kind of file it is, and who opens it."""

from __future__ import annotations

from pathlib import Path

from edge_runtime.errors import DataError, TowerError, UsageError
from export.adoption.model import ForeignFile, ForeignModel

_ACCEPTED = "a .keras file (Keras 3), the folder of a SavedModel, a .tflite file or an .onnx file"
_ELSEWHERE = {".pt", ".pth", ".pt2", ".ckpt", ".safetensors"}


def open_foreign(source: ForeignFile, *, family: str | None = None) -> ForeignModel:
    """Open a model that others trained; nothing that a stranger may have put into it is run.

    Args:
        source: The file, and which part of it is the tower.
        family: Interpreter to run a TFLite file in; the preferred one if None.

    Raises:
        DataError: There is no such file.
        MissingDependency: It is an ONNX file and the converter is not installed.
        TowerError: It cannot be trusted, or is no tower.
        UsageError: It is of no kind that is known, or an option does not go with its kind.
    """
    kind = kind_of(source.path)
    if source.signature is not None and kind != "saved-model":
        raise UsageError(f"--signature is for SavedModel folders; {source.path} is none.")
    if source.converter_python is not None and kind != "onnx":
        raise UsageError(f"--converter-python is for .onnx files; {source.path} is none.")
    if kind == "keras":
        from export.adoption.keras_model import open_keras

        return open_keras(source)
    if kind == "saved-model":
        from export.adoption.saved_model import open_saved_model

        return open_saved_model(source)
    if kind == "tflite":
        from export.adoption.tflite_file import open_tflite

        return open_tflite(source, family=family)
    from export.adoption.onnx_file import open_onnx

    return open_onnx(source)


def kind_of(path: Path) -> str:
    """``"keras"``, ``"saved-model"``, ``"tflite"`` or ``"onnx"``: by content, where content tells.

    Raises:
        DataError: There is no such file, or it cannot be read.
        TowerError: It is of another kind.
    """
    if path.is_dir():
        if (path / "saved_model.pb").is_file():
            return "saved-model"
        raise TowerError(f"{path} is a folder without a saved_model.pb. Give {_ACCEPTED}.")
    try:
        with path.open("rb") as stream:
            head = stream.read(8)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}. Give {_ACCEPTED}.") from error
    if path.suffix.lower() in _ELSEWHERE:
        raise TowerError(
            f"{path} is of PyTorch: export it to ONNX first (torch.onnx.export), then adopt the .onnx file."
        )
    if head[4:8] == b"TFL3":
        return "tflite"
    if head == b"\x89HDF\r\n\x1a\n":
        raise TowerError(
            f"{path} is a file of an older Keras (HDF5), which can hold code. Load it where it was made and save it "
            "with Keras 3: model.save('tower.keras')"
        )
    for suffix, kind in ((".keras", "keras"), (".onnx", "onnx"), (".tflite", "tflite")):
        if path.suffix.lower() == suffix:
            return kind
    if head[:4] == b"PK\x03\x04":
        return "keras"
    raise TowerError(f"{path} is of no kind that is known. Give {_ACCEPTED}.")
