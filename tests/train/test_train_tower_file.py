"""The tower of a file: it comes with its weights, and the recipe must speak of the same one."""

import numpy as np
import pytest

from edge_runtime.errors import TowerError, UsageError
from edge_runtime.towers.preprocess import InputSpec
from train.config import TowerConfig
from train.keras_quietly import keras, known_warnings
from train.recipe import load_config
from train.towers.build import TOWERS, build_tower

SPEC = InputSpec(size_px=32, colour="grey")


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    path = tmp_path_factory.mktemp("file") / "kept.keras"
    keras.utils.set_random_seed(1)
    tower = build_tower(SPEC, TowerConfig(name="plain", width=8, blocks=(1, 1), embedding_length=16))
    with known_warnings():
        tower.save(path)
    return path, tower


def _config(path, **settings):
    return TowerConfig(name="file", weights=str(path), **{"embedding_length": 16, **settings})


def test_it_comes_with_its_weights_and_learns(kept):
    path, tower = kept
    found = build_tower(SPEC, _config(path))
    for one, other in zip(found.get_weights(), tower.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert len(found.trainable_weights) == len(tower.trainable_weights) > 0


def test_the_keys_it_does_not_use(kept):
    path, _ = kept
    others = {"width": 16, "blocks": (2, 1, 1), "head": "average", "dropout": 0.5, "backbone": "MobileNetV2"}
    assert set(TOWERS["file"].unused) == set(others)
    first, second = build_tower(SPEC, _config(path)), build_tower(SPEC, _config(path, **others))
    assert [layer.name for layer in first.layers] == [layer.name for layer in second.layers]


def test_the_recipe_must_speak_of_the_same_tower(kept, tmp_path):
    path, _ = kept
    for missing in ("", str(tmp_path / "missing.keras"), str(tmp_path)):
        with pytest.raises(UsageError, match=r"there is no file .* --set tower\.weights="):
            build_tower(SPEC, _config(missing))
    with pytest.raises(UsageError, match=r"--set input\.size_px=32 --set input\.colour=grey"):
        build_tower(InputSpec(size_px=48, colour="rgb"), _config(path))
    with pytest.raises(UsageError, match=r"gives 16 numbers\. Use: --set tower\.embedding_length=16"):
        build_tower(SPEC, _config(path, embedding_length=8))
    (tmp_path / "bad.keras").write_bytes(b"bad")
    with pytest.raises(TowerError, match="is damaged"):
        build_tower(SPEC, _config(tmp_path / "bad.keras"))


def test_the_recipe_small_trains_a_file_by_a_teacher_alone():
    config = load_config("small")
    assert config.tower.name == "file"
    assert (config.input.size_px, config.loss.name, config.batch.sampler) == (128, "none", "uniform")
    assert not any(path.startswith("/") for path in (config.tower.weights, config.teacher.path, config.teacher.faces))
