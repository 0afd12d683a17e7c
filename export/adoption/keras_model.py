"""A Keras 3 file that others trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edge_runtime.errors import TowerError, UsageError
from edge_runtime.files import sha256_file
from edge_runtime.towers.preprocess import InputSpec
from export.adoption.model import ForeignFile, ForeignModel, check_embedding, choose_name, picture_input
from export.quiet import import_tensorflow, quiet_tensorflow
from export.sources.float_tower import KerasTower
from export.sources.keras_file import load_keras_model

_AGAIN = "Save it again with Keras 3 and built-in layers alone: model.save('tower.keras')"


def open_keras(source: ForeignFile) -> ForeignModel:
    """Open a ``.keras`` file; layers that carry code are refused without running them.

    Raises:
        TowerError: The file cannot be trusted, or is no tower.
        UsageError: It has several outputs and none was named, or the named one is not there.
    """
    path = source.path
    model = load_keras_model(path, again=_AGAIN)
    inputs = _tensors(model, "inputs")
    if len(inputs) != 1:
        raise TowerError(f"{path} takes {len(inputs)} inputs; a tower takes one picture. {_AGAIN}")
    size_px, channels = picture_input(tuple(inputs[0].shape)[1:], path)
    output = _choose_output(model, source.output, path)
    check_embedding(tuple(output.shape)[1:], path)

    def make_tower(spec: InputSpec) -> KerasTower:
        _, keras = import_tensorflow()
        with quiet_tensorflow():
            image = keras.Input(spec.shape)
            embedding = keras.Model(inputs[0], output)(image)
            if len(embedding.shape) > 2:
                embedding = keras.layers.Flatten()(embedding)
            return KerasTower(model=keras.Model(image, embedding), spec=spec)

    return ForeignModel(
        kind="keras", sha256=sha256_file(path), size_px=size_px, channels=channels, make_tower=make_tower
    )


def _tensors(model: Any, which: str) -> list[Any]:
    """Inputs or outputs of a model; none of one that was never built."""
    try:
        return list(getattr(model, which) or ())
    except (AttributeError, ValueError):
        return []


def _choose_output(model: Any, asked: str | None, path: Path) -> Any:
    """The output asked for: by its own name, by its place in the list, or the output of a layer."""
    outputs = dict(zip(model.output_names, _tensors(model, "outputs"), strict=True))
    if asked is not None and asked not in outputs:
        try:
            return model.get_layer(asked).output
        except (ValueError, AttributeError) as error:
            layers = ", ".join(layer.name for layer in model.layers[-8:])
            raise UsageError(f"{path} has no output or layer {asked!r}. Its last layers are {layers}.") from error
    return outputs[choose_name(list(outputs), asked, what="output", option="--output", path=path)]
