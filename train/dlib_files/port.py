"""dlib's face network as a Keras tower that needs neither dlib nor a preprocessing of its own."""

from __future__ import annotations

from typing import Any

import numpy as np

from edge_runtime.towers.preprocess import InputSpec
from train.dlib_files.resnet import Convolution, FaceNetwork
from train.towers.dlib_resnet import build_resnet

_DIVISOR = 256.0


def tower_spec(network: FaceNetwork) -> InputSpec:
    """What the tower takes in: RGB in the usual range of −1 to 1, not dlib's own."""
    return InputSpec(size_px=network.shape.size_px, colour="rgb")


def port_tower(network: FaceNetwork) -> Any:
    """Build the tower with the network's weights.

    Affine layers are in the convolutions, and so is the normalisation of the input in the first one, which has no
    padding: the tower computes what dlib does, but for the rounding of float32.

    Args:
        network: What was read.

    Returns:
        A Keras model that gives raw embeddings, float32 of shape (n, 128): dlib's descriptors, which it does not scale
        to length 1 either.
    """
    tower = build_resnet(network.shape)
    for name, convolution in network.convolutions.items():
        if name == "stem":
            convolution = _takes(convolution, tower_spec(network), network.mean_rgb)
        # Keras has the filters last.
        tower.get_layer(name).set_weights([convolution.kernels.transpose(2, 3, 1, 0), convolution.biases])
    tower.get_layer("embedding").set_weights([network.embedding, np.zeros(network.embedding.shape[1])])
    return tower


def _takes(stem: Convolution, spec: InputSpec, mean_rgb: tuple[float, float, float]) -> Convolution:
    """The first convolution for values of this input in place of dlib's (pixel − mean) / 256."""
    means = np.array(mean_rgb)
    # A pixel is (value − offset) / scale.
    factor = 1 / (spec.scale * _DIVISOR)
    summands = (-spec.offset / spec.scale - means) / _DIVISOR
    return Convolution(
        kernels=stem.kernels * factor,
        biases=stem.biases + np.einsum("ochw,c->o", stem.kernels, summands),
    )
