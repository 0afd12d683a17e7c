"""What the workers of a training tell each other between the steps: who they are, where they stand, what to do.

Whatever is sent arrives bit for bit.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import DataError
from train.fitting.distribute import Distribution, lost_worker
from train.keras_quietly import keras, tf


def exchange(distribution: Distribution, numbers: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """What each worker says.

    Args:
        distribution: The workers; every one of them must call this.
        numbers: int32 of shape (k,), k being the same for all.

    Returns:
        Shape (workers, k).
    """
    table = np.zeros((distribution.workers, len(numbers)), dtype=np.int32)
    table[distribution.worker] = numbers
    return table if distribution.workers == 1 else _sum_over_workers(distribution, table)


def chief_says(distribution: Distribution, numbers: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """The chief's numbers, bit for bit; what the others hand in counts for its shape only."""
    if distribution.workers == 1:
        return numbers
    return _sum_over_workers(distribution, numbers if distribution.is_chief else np.zeros_like(numbers))


def _sum_over_workers(distribution: Distribution, numbers: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """The sum over the workers, of whom one alone says other than 0 at a place; its first replica speaks for each."""

    def sum_up(said: Any) -> Any:
        context = tf.distribute.get_replica_context()
        first = context.replica_id_in_sync_group % (distribution.replicas // distribution.workers) == 0
        return context.all_reduce(tf.distribute.ReduceOp.SUM, tf.where(first, said, tf.zeros_like(said)))

    # Halves of int32 are whole numbers that float32 holds exactly, and float32 adds up on every kind of device.
    halves = tf.constant(numbers.ravel().view(np.uint16).astype(np.float32))
    with lost_worker():
        result = distribution.strategy.run(tf.function(sum_up), args=(halves,))
        total = np.asarray(distribution.strategy.experimental_local_results(result)[0])
    return total.astype(np.uint16).view(np.int32).reshape(numbers.shape)


def check_alike(distribution: Distribution, described: str) -> None:
    """Refuse workers that do not train the same.

    Args:
        distribution: The workers; every one of them must call this.
        described: The configuration and the data of this worker, as text.

    Raises:
        DataError: Some worker has other pictures or another configuration than the chief.
    """
    digest = np.frombuffer(hashlib.sha256(described.encode()).digest(), dtype=np.int32)
    said = exchange(distribution, digest)
    other = [str(worker) for worker in range(distribution.workers) if (said[worker] != said[0]).any()]
    if other:
        raise DataError(
            f"worker {', '.join(other)} has other pictures or another configuration than worker 0. Give every worker "
            "the same data and the same options."
        )


def share_weights(distribution: Distribution, variables: list[Any]) -> None:
    """Give every worker the chief's values of these variables, bit for bit; all must call it alike."""
    if distribution.workers == 1:
        return
    held = [np.asarray(variable) for variable in variables]
    packed = b"".join(value.tobytes() + bytes(-value.nbytes % 4) for value in held)
    said = chief_says(distribution, np.frombuffer(packed, dtype=np.int32)).tobytes()
    start = 0
    for variable, value in zip(variables, held, strict=True):
        variable.assign(np.frombuffer(said, value.dtype, value.size, start).reshape(value.shape))
        start += value.nbytes + -value.nbytes % 4


class Follow(keras.callbacks.Callback):
    """Stops every worker when the chief stops; it must stand last, for every worker."""

    def __init__(self, distribution: Distribution) -> None:
        """Take the workers."""
        super().__init__()
        self._distribution = distribution

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Ask the chief."""
        said = chief_says(self._distribution, np.array([self.model.stop_training], dtype=np.int32))
        self.model.stop_training = bool(said[0])
