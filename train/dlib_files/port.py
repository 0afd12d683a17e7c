"""dlib's face network as a Keras tower that needs neither dlib nor a preprocessing of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.files import read_json
from edge_runtime.towers.preprocess import InputSpec
from train.dlib_files.resnet import Convolution, FaceNetwork
from train.towers.dlib_resnet import build_resnet, meets_a_point

_DIVISOR = 256.0


def tower_spec(network: FaceNetwork) -> InputSpec:
    """What the tower takes in: RGB in the usual range of −1 to 1, not dlib's own."""
    return InputSpec(size_px=network.shape.size_px, colour="rgb")


def port_tower(network: FaceNetwork, *, centre_share: float = 0.0) -> Any:
    """Build the tower with the network's weights.

    Affine layers are in the convolutions, and so is the normalisation of the input in the first one, which has no
    padding: the tower computes what dlib does, but for the rounding of float32.

    Args:
        network: What was read.
        centre_share: How much of the mean descriptor is taken off, 0 to 1. dlib compares by Euclidean distance;
            cosines tell people apart better at low false match rates when they are measured from nearer the middle.

    Returns:
        A Keras model that gives raw embeddings, float32 of shape (n, 128): dlib's descriptors less that share, which it
        does not scale to length 1 either.
    """
    point_tail = meets_a_point(network.shape)
    tower = build_resnet(replace(network.shape, point_tail=point_tail))
    tail = list(network.convolutions)[-1]
    for name, convolution in network.convolutions.items():
        if name == "stem":
            convolution = _takes(convolution, tower_spec(network), network.mean_rgb)
        if name == tail and point_tail:
            convolution = _middle(convolution)
        # Keras has the filters last.
        tower.get_layer(name).set_weights([convolution.kernels.transpose(2, 3, 1, 0), convolution.biases])
    tower.get_layer("embedding").set_weights([network.embedding, -centre_share * mean_descriptor()])
    return tower


def mean_descriptor() -> npt.NDArray[np.float64]:
    """Dlib's descriptor of the average face; float64 of shape (128,).

    Raises:
        DataError: The checkout is not whole.
    """
    values = read_json(Path(__file__).with_name("mean_descriptor.json"), what="the mean descriptor")
    return np.asarray(values["mean"], dtype=np.float64)


def _middle(tail: Convolution) -> Convolution:
    """The last convolution as 1×1: its map is a single point, and all of its other weights meet padding."""
    return Convolution(kernels=tail.kernels[:, :, 1:2, 1:2], biases=tail.biases)


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
