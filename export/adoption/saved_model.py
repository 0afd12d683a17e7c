"""The folder of a SavedModel that others exported: looked through, loaded, and frozen with batch 1."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import DataError, TowerError
from edge_runtime.files import sha256_bytes, sha256_file
from edge_runtime.towers.preprocess import InputSpec
from export.adoption.graph_check import refuse_unsafe_graph
from export.adoption.model import (
    ForeignFile,
    ForeignModel,
    Shape,
    check_embedding,
    choose_name,
    first_line,
    picture_input,
)
from export.quiet import import_tensorflow, quiet_tensorflow
from export.sources.keras_file import tower_values

_MAX_GRAPH = 1 << 30
_SERVE, _USUAL = "serve", "serving_default"


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenTower:
    """A frozen TensorFlow function as a tower (see :class:`export.sources.float_tower.FloatTower`).

    Attributes:
        function: float32 (1, size, size, channels) to float32 (1, d), without variables.
        spec: What it takes in.
    """

    function: Any
    spec: InputSpec

    def embed(self, crops_rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """See :meth:`FloatTower.embed`."""
        tf, _ = import_tensorflow()
        rows = [self.function(tf.constant(one[None]))[0].numpy()[0] for one in tower_values(crops_rgb, self.spec)]
        return np.stack(rows).astype(np.float32)

    def write_saved_model(self, folder: Path) -> None:
        """See :meth:`FloatTower.write_saved_model`."""
        tf, _ = import_tensorflow()
        module = tf.Module()
        signature = [tf.TensorSpec((1, *self.spec.shape), tf.float32, name="image")]
        # Its weights are constants by now, so nothing can be left unfrozen.
        module.tower = tf.function(lambda image: self.function(image)[0], input_signature=signature)
        tf.saved_model.save(module, str(folder), signatures=module.tower)


def open_saved_model(source: ForeignFile, *, kind: str = "saved-model", sha256: str | None = None) -> ForeignModel:
    """Open a SavedModel; a graph that could do more than compute is refused before it is loaded.

    Args:
        source: Its folder.
        kind: What the card says it came as.
        sha256: What the card says of the file that it came as; over the folder's files if None.

    Raises:
        DataError: The folder cannot be read.
        TowerError: It cannot be trusted, or is no tower.
        UsageError: It has several signatures or outputs and none was named, or the named one is not there.
    """
    path = source.path
    meta_graph = _read_meta_graph(path)
    refuse_unsafe_graph(meta_graph, path)
    signatures = {name: held for name, held in meta_graph.signature_def.items() if held.inputs and held.outputs}
    asked = source.signature or (_USUAL if _USUAL in signatures else None)
    name = choose_name(list(signatures), asked, what="signature", option="--signature", path=path)
    inputs, outputs = dict(signatures[name].inputs), dict(signatures[name].outputs)
    if len(inputs) != 1:
        raise TowerError(f"{path} takes {len(inputs)} inputs ({', '.join(sorted(inputs))}); a tower takes one picture.")
    taken, info = next(iter(inputs.items()))
    given = choose_name(sorted(outputs), source.output, what="output", option="--output", path=path)
    size_px, channels = picture_input(_shape(info)[1:], path)
    length = check_embedding(_shape(outputs[given])[1:], path)
    # The weights live only as long as the object that holds them.
    loaded = _load(path)
    return ForeignModel(
        kind=kind,
        sha256=sha256 or _folder_hash(path),
        size_px=size_px,
        channels=channels,
        make_tower=lambda spec: _freeze(loaded.signatures[name], taken, given, length, spec, path),
    )


def _read_meta_graph(path: Path) -> Any:
    import_tensorflow()
    with quiet_tensorflow():
        from tensorflow.core.protobuf import saved_model_pb2
    held = saved_model_pb2.SavedModel()
    try:
        data = (path / "saved_model.pb").read_bytes()
        if len(data) > _MAX_GRAPH:
            raise TowerError(
                f"{path} holds a graph of more than {_MAX_GRAPH >> 20} MiB: this is no tower for a device."
            )
        held.ParseFromString(data)
    except OSError as error:
        raise DataError(f"cannot read {path}/saved_model.pb: {error.strerror or error}.") from error
    except TowerError:
        raise
    except Exception as error:  # protobuf's DecodeError, of whichever implementation is installed.
        raise TowerError(f"{path}/saved_model.pb is damaged, cut short or something else.") from error
    graphs = list(held.meta_graphs)
    if len(graphs) != 1 or _SERVE not in graphs[0].meta_info_def.tags or not graphs[0].object_graph_def.nodes:
        raise TowerError(
            f"{path} is no SavedModel of TensorFlow 2 for serving. Export it again: model.export('folder') in Keras 3"
        )
    return graphs[0]


def _shape(info: Any) -> Shape:
    """Shape of a signature's tensor with its batch; None where an axis is open, empty if the rank is."""
    return [None if axis.size < 0 else int(axis.size) for axis in info.tensor_shape.dim]


def _load(path: Path) -> Any:
    tf, _ = import_tensorflow()
    with quiet_tensorflow():
        try:
            return tf.saved_model.load(str(path))
        except Exception as error:  # TensorFlow raises nearly anything over a damaged folder.
            raise TowerError(f"TensorFlow cannot load {path}: {first_line(error)}.") from error


def _freeze(serve: Any, taken: str, given: str, length: int, spec: InputSpec, path: Path) -> FrozenTower:
    tf, _ = import_tensorflow()
    with quiet_tensorflow():
        from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

        def tower(image: Any) -> Any:
            return tf.reshape(serve(**{taken: image})[given], (1, length))

        try:
            signature = [tf.TensorSpec((1, *spec.shape), tf.float32, name="image")]
            traced = tf.function(tower, input_signature=signature).get_concrete_function()
            return FrozenTower(function=convert_variables_to_constants_v2(traced), spec=spec)
        except Exception as error:  # As above.
            raise TowerError(f"{path} cannot take one float32 picture of {spec.shape}: {first_line(error)}.") from error


def _folder_hash(path: Path) -> str:
    """SHA-256 over the sorted list of names and hashes of a folder's files."""
    files = sorted(file for file in path.rglob("*") if file.is_file())
    lines = [f"{file.relative_to(path).as_posix()}\t{sha256_file(file)}\n" for file in files]
    return sha256_bytes("".join(lines).encode())
