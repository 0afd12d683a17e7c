import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edge_runtime.errors import UsageError
from edge_runtime.towers.preprocess import InputSpec, normalise
from train.config import TowerConfig
from train.keras_quietly import keras, known_warnings
from train.towers.build import build_tower

ROOT = Path(__file__).resolve().parents[2]
RGB = InputSpec(size_px=32, colour="rgb")
PIXELS = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)


def _tower(spec=RGB, **settings):
    return build_tower(spec, TowerConfig(name="applications", embedding_length=16, **settings))


@pytest.fixture(scope="module")
def small_weights(tmp_path_factory):
    """A weights file of MobileNetV3Small, random."""
    peer = keras.applications.MobileNetV3Small(input_shape=(32, 32, 3), include_top=False, weights=None)
    path = tmp_path_factory.mktemp("weights") / "small.weights.h5"
    with known_warnings():
        peer.save_weights(path)
    return peer, path


@pytest.mark.parametrize("spec", [RGB, InputSpec(size_px=32, colour="rgb", scale=1 / 255, offset=0.0)])
@pytest.mark.parametrize(
    ("backbone", "module"),
    [
        ("MobileNetV3Small", "mobilenet_v3"),
        ("VGG16", "vgg16"),
        ("DenseNet121", "densenet"),
        ("EfficientNetB0", "efficientnet"),
        ("MobileNetV2", "mobilenet_v2"),
    ],
)
def test_a_weights_file_meets_the_preprocessing_that_it_was_made_with(tmp_path, spec, backbone, module):
    peer = getattr(keras.applications, backbone)(input_shape=(32, 32, 3), include_top=False, weights=None)
    with known_warnings():
        peer.save_weights(tmp_path / "peer.weights.h5")
    tower = _tower(spec, backbone=backbone, weights=str(tmp_path / "peer.weights.h5"), head="flatten")
    flat = next(layer for layer in reversed(tower.layers) if isinstance(layer, keras.layers.Flatten))
    found = keras.Model(tower.input, flat.input)(normalise(PIXELS, spec)).numpy()
    prepared = getattr(keras.applications, module).preprocess_input(PIXELS.astype(np.float32))
    expected = peer(prepared).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())
    assert np.abs(expected).max() > 0


def test_what_the_spec_gives_already_costs_no_layer():
    assert "Rescaling" not in {type(layer).__name__ for layer in _tower(backbone="MobileNetV2").layers}


def test_grey_pictures_are_given_to_all_three_channels(small_weights):
    grey = InputSpec(size_px=32, colour="grey")
    values = normalise(PIXELS[..., :1], grey)
    tower = _tower(grey)
    same = _tower()
    same.set_weights(tower.get_weights())
    np.testing.assert_allclose(tower(values), same(np.repeat(values, 3, axis=-1)), atol=1e-6)


def test_an_unknown_backbone_is_refused():
    with pytest.raises(UsageError, match=r"unknown tower\.backbone 'AlexNet'; known are .*MobileNetV3Small"):
        _tower(backbone="AlexNet")


@pytest.mark.parametrize(("backbone", "size_px"), [("MobileNetV3Small", 28), ("Xception", 64), ("VGG16", 16)])
def test_too_small_an_input_is_refused(backbone, size_px):
    with pytest.raises(UsageError, match=rf"{backbone} takes no input of {size_px} px: .*at least.*input\.size_px"):
        _tower(InputSpec(size_px=size_px, colour="rgb"), backbone=backbone)


def test_a_backbone_with_layers_of_its_own_is_refused():
    with pytest.raises(UsageError, match=r"ConvNeXtTiny has LayerScale layers.*could not be exported"):
        _tower(InputSpec(size_px=64, colour="rgb"), backbone="ConvNeXtTiny")


def test_a_missing_weights_file_is_said():
    with pytest.raises(UsageError, match=r"tower\.weights: there is no file nowhere\.h5"):
        _tower(weights="nowhere.h5")


def test_weights_of_another_backbone_are_refused(small_weights):
    with pytest.raises(UsageError, match=r"small\.weights\.h5 has no weights for MobileNetV2"):
        _tower(backbone="MobileNetV2", weights=str(small_weights[1]))


@pytest.mark.parametrize("name", ["damaged.weights.h5", "damaged.h5", "damaged.bin"])
def test_a_damaged_weights_file_is_refused(small_weights, tmp_path, name):
    path = tmp_path / name
    path.write_bytes(small_weights[1].read_bytes()[:5000])
    with pytest.raises(UsageError, match=r"has no weights for MobileNetV3Small") as caught:
        _tower(weights=str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("backbone", "file"),
    [
        ("MobileNetV3Small", "weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5"),
        ("ResNet50", "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"),
    ],
)
def test_imagenet_weights_without_network_name_the_file(tmp_path, backbone, file):
    # Proxies on a port that nobody listens on: nothing leaves this machine.
    nowhere = {name: "http://127.0.0.1:9" for name in ("http_proxy", "https_proxy")}
    code = (
        "import sys; from edge_runtime.towers.preprocess import InputSpec; from edge_runtime.errors import UsageError\n"
        "from train.config import TowerConfig; from train.towers.build import build_tower\n"
        f"config = TowerConfig(name='applications', backbone={backbone!r}, weights='imagenet')\n"
        "try: build_tower(InputSpec(size_px=64, colour='rgb'), config)\n"
        "except UsageError as error: print(error)"
    )
    environment = {**os.environ, **nowhere, "KERAS_HOME": str(tmp_path), "no_proxy": ""}
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    (line,) = ran.stdout.splitlines()
    assert f"the ImageNet weights of {backbone} could not be fetched" in line
    assert f"Put {file} into ~/.keras/models, or give its path with --set tower.weights=PATH" in line
