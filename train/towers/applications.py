"""Any backbone of ``keras.applications`` as a tower, with the preprocessing that it expects inside the graph."""

from __future__ import annotations

import contextlib
import re
import sys
import warnings
from pathlib import Path
from typing import Any

from edge_runtime.errors import UsageError
from edge_runtime.towers.preprocess import InputSpec
from train.config import TowerConfig
from train.keras_quietly import keras
from train.towers.blocks import NORM_MOMENTUM, embedding

_IMAGENET = "imagenet"
# Keras keeps this file under another name than the one that it fetches.
_KEPT_AS = {
    "NASNet-mobile-no-top.h5": "nasnet_mobile_no_top.h5",
    "NASNet-large-no-top.h5": "nasnet_large_no_top.h5",
}


def known_backbones() -> list[str]:
    """Names of the backbones that ``keras.applications`` has."""
    return sorted(name for name in dir(keras.applications) if name[0].isupper())


def applications(spec: InputSpec, config: TowerConfig) -> Any:
    """A backbone of ``keras.applications`` with the head of the recipe.

    Grey pictures are given to all three channels. Batch normalisation adapts as fast as in the other towers.

    Args:
        spec: What it takes in.
        config: ``backbone`` and ``weights``; head, dropout and embedding length. ``width`` and ``blocks`` are not used.

    Returns:
        A Keras model that gives raw embeddings, float32 of shape (n, embedding_length).

    Raises:
        UsageError: The backbone is unknown, is not made of built-in layers or takes no input of this size, or its
            weights cannot be had.
    """
    if config.backbone not in known_backbones():
        known = ", ".join(known_backbones())
        raise UsageError(f"unknown tower.backbone {config.backbone!r}; known are {known}.")
    inputs = keras.Input(spec.shape, name="pixels")
    values = inputs if spec.channels == 3 else keras.layers.Concatenate()([inputs] * 3)
    backbone = _backbone(_expected(values, spec, config.backbone), spec, config)
    for layer in backbone.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = NORM_MOMENTUM
    name = f"applications_{config.backbone.lower()}"
    return keras.Model(inputs, embedding(backbone.output, config), name=name)


def _backbone(values: Any, spec: InputSpec, config: TowerConfig) -> Any:
    if config.weights not in ("", _IMAGENET) and not Path(config.weights).is_file():
        raise UsageError(f"tower.weights: there is no file {config.weights}. Give '', 'imagenet' or a weights file.")
    settings: dict[str, Any] = {"include_top": False, "input_tensor": values, "input_shape": (*spec.shape[:2], 3)}
    if config.backbone.startswith("MobileNetV3"):
        settings["include_preprocessing"] = False
    build = getattr(keras.applications, config.backbone)
    # Keras says on stdout that it downloads, and warns that ImageNet's pictures had another size.
    with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
        warnings.simplefilter("ignore")
        try:
            model = build(weights=None, **settings)
        except ValueError as error:
            size = f"{config.backbone} takes no input of {spec.size_px} px"
            raise UsageError(f"{size}: {_one_line(error)} Use: --set input.size_px=…") from error
        _refuse_own_layers(model, config.backbone)
        try:
            if config.weights == _IMAGENET:
                model = build(weights=_IMAGENET, **settings)
            elif config.weights:
                model.load_weights(config.weights)
        except Exception as error:  # Keras raises a bare Exception over a failed download.
            raise _no_weights(config, error) from error
    if config.weights and _is_caffe(config.backbone):
        _take_rgb(model)
    return model


def _expected(values: Any, spec: InputSpec, name: str) -> Any:
    """Bring the tower's input into the range that the backbone was made for (its ``preprocess_input``)."""
    if name.startswith("EfficientNet"):
        scale, offsets = [1.0] * 3, [0.0] * 3  # It scales 0 to 255 itself.
    elif _is_caffe(name):
        scale, offsets = [1.0] * 3, [-123.68, -116.779, -103.939]
    elif name.startswith("DenseNet"):
        deviations = (0.229, 0.224, 0.225)
        scale = [1 / (255 * deviation) for deviation in deviations]
        offsets = [-mean / deviation for mean, deviation in zip((0.485, 0.456, 0.406), deviations, strict=True)]
    else:
        scale, offsets = [1 / 127.5] * 3, [-1.0] * 3
    # The tower sees pixel × spec.scale + spec.offset: take that back and apply the backbone's own in one step.
    scale = [value / spec.scale for value in scale]
    offsets = [offset - value * spec.offset for offset, value in zip(offsets, scale, strict=True)]
    if all(abs(value - 1) < 1e-6 for value in scale) and all(abs(value) < 1e-6 for value in offsets):
        return values
    return keras.layers.Rescaling(scale, offsets, name="expected_range")(values)


def _is_caffe(name: str) -> bool:
    """Whether its ImageNet weights take BGR pixels less ImageNet's means, as Caffe's models did."""
    return name.startswith("VGG") or (name.startswith("ResNet") and not name.endswith("V2"))


def _take_rgb(model: Any) -> None:
    """Turn the first convolution from BGR to RGB."""
    first = next(layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D))
    first.kernel.assign(first.kernel.numpy()[:, :, ::-1, :])


def _refuse_own_layers(model: Any, name: str) -> None:
    for layer in model.layers:
        if type(layer).__module__.startswith("keras.src.applications"):
            raise UsageError(
                f"tower.backbone {name} has {type(layer).__name__} layers, which are not built-in layers of Keras: "
                "such a tower could not be exported. Choose another backbone."
            )


def _no_weights(config: TowerConfig, error: Exception) -> UsageError:
    if config.weights != _IMAGENET:
        what = f"tower.weights: {config.weights} has no weights for {config.backbone} without its top layer"
        return UsageError(f"{what}: {_one_line(error)}")
    found = re.search(r"URL fetch failure on \S*/([^/\s:]+)", str(error))
    if not found:
        return UsageError(f"{config.backbone} cannot be built with ImageNet weights: {_one_line(error)}")
    name = _KEPT_AS.get(found[1], found[1])
    return UsageError(
        f"the ImageNet weights of {config.backbone} could not be fetched ({_one_line(error).rpartition(' -- ')[2]}). "
        f"Put {name} into ~/.keras/models, or give its path with --set tower.weights=PATH, or train without: "
        "--set tower.weights=''"
    )


def _one_line(error: Exception) -> str:
    """What Keras says, without its colours, as one line."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).replace("\n", " ")
    text = text.partition("Arguments received by")[0]
    return " ".join(text.split())[:300] or type(error).__name__
