"""Small networks with the operators that towers are made of, so that preflight knows more than three towers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from edge_runtime.commands.console import say
from edge_runtime.errors import TowerError
from edge_runtime.towers.preprocess import InputSpec
from export.conversion.recipes import RECIPES
from export.quiet import import_tensorflow, quiet_tensorflow

SPEC = InputSpec(size_px=24, colour="rgb")


def zoo_models() -> Iterator[tuple[str, bytes]]:
    """Each network by each recipe that takes it, with a name; no layer of them is trained."""
    from export.conversion.convert import convert_saved, saved_tower
    from export.sources.float_tower import KerasTower

    _, keras = import_tensorflow()
    values = np.random.default_rng(0).uniform(-1, 1, size=(20, *SPEC.shape)).astype(np.float32)
    for network, build in _NETWORKS.items():
        with quiet_tensorflow():
            keras.utils.set_random_seed(1)
            image = keras.Input(SPEC.shape)
            model = keras.Model(image, _ended(keras, build(keras, image)))
        with saved_tower(KerasTower(model=model, spec=SPEC)) as saved:
            for recipe in RECIPES.values():
                if recipe.selective:
                    continue
                try:
                    yield f"{network} {recipe.name}", convert_saved(saved, recipe, values)
                except TowerError as error:
                    say(f"{network} {recipe.name}: {error}")


def _ended(keras: Any, branches: list[Any]) -> Any:
    """The branches, averaged over the picture and side by side."""
    pooled = [keras.layers.GlobalAveragePooling2D()(branch) for branch in branches]
    return keras.layers.Dense(16)(keras.layers.Concatenate()(pooled) if len(pooled) > 1 else pooled[0])


def _activations(keras: Any, image: Any) -> list[Any]:
    layers = keras.layers
    made = []
    for activation in ("relu", "relu6", "hard_swish", "sigmoid", "tanh", "elu", "silu", "gelu", "softmax"):
        made.append(layers.Activation(activation)(layers.Conv2D(4, 3)(image)))
    made.append(layers.PReLU(shared_axes=[1, 2], alpha_initializer="random_uniform")(layers.Conv2D(4, 3)(image)))
    made.append(layers.LeakyReLU(negative_slope=0.2)(layers.Conv2D(4, 3)(image)))
    return made


def _convolutions(keras: Any, image: Any) -> list[Any]:
    layers = keras.layers
    wide = layers.Conv2D(8, 3, padding="same", activation="relu")(image)
    return [
        layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2)(wide),
        layers.DepthwiseConv2D(3, strides=2, padding="same", activation="relu6")(wide),
        layers.SeparableConv2D(6, 3, activation="relu")(wide),
        layers.Conv2D(6, 1, use_bias=False)(wide),
        layers.Conv2D(6, 3, dilation_rate=2)(wide),
        layers.Conv2D(8, 3, groups=2, padding="same")(wide),
        layers.Conv2DTranspose(4, 3, strides=2, padding="same")(wide),
    ]


def _sums(keras: Any, image: Any) -> list[Any]:
    layers = keras.layers
    a, b = layers.Conv2D(4, 3, padding="same")(image), layers.Conv2D(4, 3, padding="same", activation="relu")(image)
    squeezed = layers.Dense(4, activation="sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(a))
    return [
        layers.Add()([a, b]),
        layers.Activation("relu")(layers.Add()([a, b])),
        layers.Subtract()([a, b]),
        layers.Multiply()([a, b]),
        layers.Multiply()([a, squeezed]),
        layers.Maximum()([a, b]),
        layers.Minimum()([a, b]),
        layers.Concatenate()([a, b]),
        layers.BatchNormalization(beta_initializer="ones")(layers.Concatenate()([a, b])),
        layers.Rescaling(2.0, offset=0.5)(a),
    ]


def _places(keras: Any, image: Any) -> list[Any]:
    layers = keras.layers
    wide = layers.Conv2D(4, 3, padding="same", activation="relu")(image)
    return [
        layers.AveragePooling2D(2)(wide),
        layers.MaxPooling2D(2)(wide),
        layers.ZeroPadding2D(2)(wide),
        layers.Cropping2D(2)(wide),
        layers.UpSampling2D(2, interpolation="nearest")(wide),
        layers.UpSampling2D(2, interpolation="bilinear")(wide),
        layers.Permute((2, 1, 3))(wide),
        layers.Conv2D(4, 3, strides=2)(layers.ZeroPadding2D(1)(wide)),
    ]


def _dense(keras: Any, image: Any) -> list[Any]:
    layers = keras.layers
    flat = layers.Flatten()(layers.MaxPooling2D(4)(image))
    made = []
    for activation, bias in ((None, True), ("relu", True), ("relu6", False), (None, False)):
        made.append(layers.Reshape((1, 1, 8))(layers.Dense(8, activation=activation, use_bias=bias)(flat)))
    made.append(layers.Reshape((1, 1, 8))(layers.UnitNormalization()(layers.Dense(8)(flat))))
    return made


_NETWORKS: dict[str, Callable[[Any, Any], list[Any]]] = {
    "activations": _activations,
    "convolutions": _convolutions,
    "sums": _sums,
    "places": _places,
    "dense": _dense,
}
