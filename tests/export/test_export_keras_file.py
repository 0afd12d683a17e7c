from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_runtime.errors import TowerError
from edge_runtime.towers.preprocess import InputSpec
from export.quiet import import_tensorflow, quiet_tensorflow
from export.sources.keras_file import embed_float, load_keras_tower

SPEC = InputSpec(size_px=48, colour="grey")


def _load(path: Path) -> Any:
    return load_keras_tower(path, SPEC, embedding_length=32)


def _edited(source: Path, target: Path, edit: Callable[[dict[str, Any]], None]) -> Path:
    with zipfile.ZipFile(source) as archive, zipfile.ZipFile(target, "w") as out:
        for name in archive.namelist():
            data = archive.read(name)
            if name == "config.json":
                config = json.loads(data)
                edit(config)
                data = json.dumps(config).encode()
            out.writestr(name, data)
    return target


def test_a_good_file_gives_the_same_embeddings_as_the_model(tower_file: Path, tower_model: Any) -> None:
    crops = np.random.default_rng(0).integers(0, 256, (40, 48, 48, 3), dtype=np.uint8)
    loaded = embed_float(_load(tower_file), crops, SPEC)
    assert loaded.shape == (40, 32)
    np.testing.assert_array_equal(loaded, embed_float(tower_model, crops, SPEC))


def test_a_lambda_layer_is_refused_and_not_run(tmp_path: Path) -> None:
    _, keras = import_tensorflow()
    marker = tmp_path / "executed"

    def mischief(values: Any, path: str = str(marker)) -> Any:
        with open(path, "w") as stream:
            stream.write("executed")
        return values

    with quiet_tensorflow():
        image = keras.Input(SPEC.shape)
        flat = keras.layers.Flatten()(keras.layers.Lambda(lambda values: mischief(values))(image))
        model = keras.Model(image, keras.layers.Dense(32)(flat))
        model.save(tmp_path / "tower.keras")
    assert marker.exists()
    marker.unlink()
    with pytest.raises(TowerError, match=r"a Lambda layer, .*nothing in it was run"):
        _load(tmp_path / "tower.keras")
    assert not marker.exists()


@pytest.mark.parametrize(
    ("module", "class_name", "registered_name"),
    [
        ("keras.utils", "get_file", None),
        ("os", "system", None),
        (None, "Mine", "Package>Mine"),
        ("keras.layers", "TFSMLayer", None),
        ("keras.layers", "ReLU", "Package>ReLU"),
    ],
)
def test_classes_from_elsewhere_are_refused(
    tower_file: Path, tmp_path: Path, module: str | None, class_name: str, registered_name: str | None
) -> None:
    def edit(config: dict[str, Any]) -> None:
        layer = next(layer for layer in config["config"]["layers"] if layer["class_name"] == "ReLU")
        layer.update(module=module, class_name=class_name, registered_name=registered_name)

    with pytest.raises(TowerError, match=f"{class_name}.*nothing in it was run"):
        _load(_edited(tower_file, tmp_path / "edited.keras", edit))


def test_a_class_hidden_in_a_layers_settings_is_refused(tower_file: Path, tmp_path: Path) -> None:
    def edit(config: dict[str, Any]) -> None:
        layer = next(layer for layer in config["config"]["layers"] if layer["class_name"] == "Dense")
        layer["config"]["kernel_initializer"] = {"module": "builtins", "class_name": "function", "config": "exec"}

    with pytest.raises(TowerError, match="nothing in it was run"):
        _load(_edited(tower_file, tmp_path / "edited.keras", edit))


def test_the_losses_of_a_training_are_left_alone(tower_file: Path, tmp_path: Path) -> None:
    def edit(config: dict[str, Any]) -> None:
        config["compile_config"] = {"loss": {"module": "train.losses", "class_name": "Triplet", "config": {}}}

    assert _load(_edited(tower_file, tmp_path / "edited.keras", edit)).count_params() > 0


def _text(good: bytes) -> bytes:
    return b"I am no tower.\n" * 100


def _truncated(good: bytes) -> bytes:
    return good[: len(good) // 2]


def _damaged(good: bytes) -> bytes:
    middle = good.index(b"model.weights.h5") + 2000
    return good[:middle] + bytes([good[middle] ^ 0xFF]) + good[middle + 1 :]


def _empty(good: bytes) -> bytes:
    return b""


@pytest.mark.parametrize("spoil", [_text, _truncated, _damaged, _empty])
def test_damaged_files_are_refused(tower_file: Path, tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "tower.keras"
    path.write_bytes(spoil(tower_file.read_bytes()))
    with pytest.raises(TowerError, match="not a whole Keras file"):
        _load(path)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(TowerError, match=r"tower\.keras is missing.*train fit"):
        _load(tmp_path / "tower.keras")


def test_a_zip_of_something_else_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "tower.keras", "w") as archive:
        archive.writestr("letter.txt", "Dear reader")
    with pytest.raises(TowerError, match=r"not a plain Keras 3 file: it holds letter\.txt"):
        _load(tmp_path / "tower.keras")


def test_weights_that_are_not_numbers_are_refused(tower_model: Any, tmp_path: Path) -> None:
    _, keras = import_tensorflow()
    with quiet_tensorflow():
        model = keras.models.clone_model(tower_model)
        weights = tower_model.get_weights()
        weights[0] = np.full_like(weights[0], np.nan)
        model.set_weights(weights)
        model.save(tmp_path / "tower.keras")
    with pytest.raises(TowerError, match="1 of its weights are not finite"):
        _load(tmp_path / "tower.keras")


def test_a_tower_that_does_not_fit_its_configuration_is_refused(tower_file: Path) -> None:
    with pytest.raises(TowerError, match=r"does not fit the run's config\.json"):
        load_keras_tower(tower_file, InputSpec(size_px=64, colour="grey"), embedding_length=32)
    with pytest.raises(TowerError, match=r"does not fit the run's config\.json"):
        load_keras_tower(tower_file, SPEC, embedding_length=64)
