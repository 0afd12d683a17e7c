"""dlib's face network as a tower of recipes: random weights, any width, depth and input."""

from __future__ import annotations

from typing import Any

from edge_runtime.towers.preprocess import InputSpec
from train.config import TowerConfig
from train.towers.dlib_resnet import ResNetShape, Stage, build_resnet

# The stream of dlib's is doubled three times, and stays as it is after that.
_DOUBLINGS = 3


def dlib_resnet(spec: InputSpec, config: TowerConfig) -> Any:
    """The network that dlib describes faces with, untrained and without batch normalisation.

    Exactly dlib's at 150 px RGB with ``width`` 32, ``blocks`` (3, 4, 3, 3, 1), embedding length 128 and no dropout.

    Args:
        spec: What it takes in.
        config: ``width`` is the channels of the first stage, doubled at each of the next three; blocks, dropout and
            embedding length. ``head`` is not used: it averages over the map, as dlib does.

    Returns:
        A Keras model that gives raw embeddings, float32 of shape (n, embedding_length).

    Raises:
        UsageError: The input is too small for the number of stages.
    """
    streams = [config.width * 2 ** min(number, _DOUBLINGS) for number in range(len(config.blocks))]
    stages = [
        Stage(stream=stream, inner=(stream,) * blocks) for stream, blocks in zip(streams, config.blocks, strict=True)
    ]
    return build_resnet(
        ResNetShape(size_px=spec.size_px, stages=tuple(stages)),
        channels=spec.channels,
        embedding_length=config.embedding_length,
        dropout=config.dropout,
    )
