"""The multi-similarity loss: pairs weighed by how they compare with the other pairs of the batch."""

from __future__ import annotations

from typing import Any

from train.heads.distances import unit
from train.keras_quietly import keras, tf
from train.losses.triplets import pair_masks


def mine_pairs(similarities: Any, labels: Any, margin: float) -> tuple[Any, Any]:
    """Which pairs of a batch are hard enough to count.

    A genuine pair counts if it is less similar than the anchor's most similar impostor pair plus the margin, an
    impostor pair if it is more similar than the anchor's least similar genuine pair minus the margin.

    Args:
        similarities: float32 of shape (n, n), cosines.
        labels: Integers of shape (n,).
        margin: A difference of cosines.

    Returns:
        Two bool arrays of shape (n, n): genuine and impostor pairs; a row is an anchor. An anchor without genuine or
        without impostor pairs has no pair in either.
    """
    genuine, impostor = pair_masks(labels)
    least = tf.reduce_min(tf.where(genuine, similarities, similarities.dtype.max), axis=1, keepdims=True)
    most = tf.reduce_max(tf.where(impostor, similarities, similarities.dtype.min), axis=1, keepdims=True)
    return (
        tf.logical_and(genuine, similarities < most + margin),
        tf.logical_and(impostor, similarities > least - margin),
    )


def multi_similarity(
    similarities: Any, labels: Any, *, alpha: float, beta: float, threshold: float, margin: float
) -> Any:
    """Multi-similarity loss.

    Wang et al. 2019, "Multi-Similarity Loss with General Pair Weighting for Deep Metric Learning", arXiv:1904.06627:
    the mean over anchors of log(1 + Σ exp(−alpha (S − threshold))) / alpha over their genuine pairs that count, plus
    log(1 + Σ exp(beta (S − threshold))) / beta over their impostor pairs that count.

    Args:
        similarities: float32 of shape (n, n), cosines.
        labels: Integers of shape (n,).
        alpha: Weight of genuine pairs.
        beta: Weight of impostor pairs.
        threshold: Similarity from which pairs count.
        margin: That of :func:`mine_pairs`.

    Returns:
        float32 scalar.
    """
    genuine, impostor = mine_pairs(similarities, labels, margin)
    pulled = _log_one_plus_sum(-alpha * (similarities - threshold), genuine) / alpha
    pushed = _log_one_plus_sum(beta * (similarities - threshold), impostor) / beta
    return tf.reduce_mean(pulled + pushed)


def _log_one_plus_sum(exponents: Any, mask: Any) -> Any:
    """log(1 + Σ exp) over the columns under a mask, without overflow; float32 of shape (n,)."""
    # exp(−1e9) is 0: what is not under the mask adds nothing. The 0 in front is the logarithm of the 1.
    kept = tf.where(mask, exponents, -1e9)
    return tf.reduce_logsumexp(tf.pad(kept, [[0, 0], [1, 0]]), axis=1)


class MultiSimilarity(keras.layers.Layer):
    """:func:`multi_similarity` on a batch of raw embeddings.

    Attributes:
        settings: ``alpha``, ``beta``, ``threshold`` and ``margin``.
    """

    def __init__(self, *, alpha: float, beta: float, threshold: float, margin: float) -> None:
        super().__init__(dtype="float32", name="multi_similarity")
        self.settings = {"alpha": alpha, "beta": beta, "threshold": threshold, "margin": margin}

    def call(self, embeddings: Any, labels: Any) -> Any:
        """Loss of a batch.

        Args:
            embeddings: Raw float32 embeddings of shape (n, d).
            labels: int64 of shape (n,).

        Returns:
            float32 scalar.
        """
        rows = unit(embeddings)
        return multi_similarity(tf.matmul(rows, rows, transpose_b=True), labels, **self.settings)
