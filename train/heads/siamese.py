"""The Siamese pair model: one tower, applied twice.

Training needs no such model: a batch goes through the tower once, and the losses take pairs of its embeddings, which is
the same mathematics with fewer passes (a test proves it). The pair model is for looking at single pairs, and says in
the graph what "Siamese" means (Bromley et al. 1993, "Signature Verification using a Siamese Time Delay Neural
Network").
"""

from __future__ import annotations

from typing import Any

from edge_runtime.errors import UsageError
from train.config.network import DISTANCES
from train.heads.distances import pair_features, same_person_layer, unit
from train.keras_quietly import keras


def pair_model(tower: Any, distance: str = "euclidean", *, normalise: bool = True, head: Any = None) -> Any:
    """Two pictures in, the distance of their embeddings out; both go through the same weights.

    Args:
        tower: A tower that gives raw embeddings of shape (n, d).
        distance: ``"euclidean"``, ``"squared-euclidean"``, ``"cosine"`` (1 − cosine similarity, 0 to 2), or
            ``"weighted-l1"``: then the output is the probability of one person, 0 to 1.
        normalise: Whether embeddings are scaled to length 1 first.
        head: For ``"weighted-l1"``: the dense layer that weighs the components, such as the one that was trained with
            the tower (:class:`train.losses.pairs.PairCrossEntropy`); a new one if None.

    Returns:
        A Keras model with the inputs ``[left, right]``, float32 of the tower's input shape, and an output of shape
        (n, 1). Its trainable weights are the tower's own, and the head's.

    Raises:
        UsageError: The distance is unknown, or a head is given to a distance that has none.
    """
    if distance not in DISTANCES:
        raise UsageError(f"unknown distance {distance!r}; known are {', '.join(DISTANCES)}.")
    if head is not None and distance != "weighted-l1":
        raise UsageError(f"the distance {distance!r} has no head; only weighted-l1 has.")
    left = keras.Input(tower.input_shape[1:], name="left")
    right = keras.Input(tower.input_shape[1:], name="right")
    first, second = (keras.ops.cast(tower(side), "float32") for side in (left, right))
    if normalise:
        first, second = unit(first), unit(second)
    output = pair_features(first, second, distance)
    if distance == "weighted-l1":
        output = keras.ops.sigmoid((head or same_person_layer())(output))
    return keras.Model([left, right], output, name=f"siamese_{tower.name}")
