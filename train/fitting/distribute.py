"""One training on several devices or machines, by ``tf.distribute``.

Every replica has the same weights and a part of each batch; the loss is over the pairs of the whole batch, whichever
replicas hold them.
"""

from __future__ import annotations

import contextlib
import logging
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from edge_runtime.errors import SiamliteError, UsageError
from train.fitting.cluster import Cluster, await_workers, read_cluster
from train.keras_quietly import tf

_log = logging.getLogger(__name__)

WAIT_S = 300.0
# More logical devices than this would only be a typing error, and takes all of the memory.
MOST_DEVICES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """What a training runs on.

    Attributes:
        strategy: The ``tf.distribute`` strategy; variables are made within its scope.
        worker: Which worker this process is, from 0.
        workers: How many processes train together.
    """

    strategy: Any
    worker: int = 0
    workers: int = 1

    @property
    def replicas(self) -> int:
        """Number of devices over all workers; each takes an equal part of every batch."""
        return int(self.strategy.num_replicas_in_sync)

    @property
    def is_chief(self) -> bool:
        """Whether this process writes the run folder: the first worker does."""
        return self.worker == 0

    def scope(self) -> Any:
        """The context in which the tower, the objective and the optimizer are made, by every worker alike."""
        return self.strategy.scope()

    def check_batch(self, rows: int, sampler: str) -> None:
        """Refuse batches that several replicas cannot divide among them.

        Args:
            rows: Number of pictures in a batch.
            sampler: How batches are drawn.

        Raises:
            UsageError: The number of rows is no multiple of the number of replicas, or the sampler remembers what one
                device saw.
        """
        if self.replicas > 1 and sampler == "hard-pairs":
            raise UsageError("batch.sampler=hard-pairs works on one device only. Choose pk or pairs, or --devices 1.")
        if rows % self.replicas:
            raise UsageError(
                f"a batch of {rows} pictures cannot be divided equally over {self.replicas} replicas. Choose "
                f"--set batch.people=N so that the pictures of a batch are a multiple of {self.replicas}, or use fewer "
                "devices."
            )

    def batches(self, make: Callable[[int, int], Any]) -> Any:
        """Hand a stream of batches to the replicas.

        Args:
            make: Given the worker's index and the number of workers, an endless ``tf.data`` stream of this worker's
                rows of each batch: worker w of W has rows [w·n/W, (w+1)·n/W).
        """
        if self.replicas == 1:
            return make(0, 1)
        here = self.replicas // self.workers

        def part(_: Any) -> Any:
            rows = make(self.worker, self.workers)
            if here > 1:
                rows = rows.flat_map(lambda *batch: _replica_parts(batch, here))
            # Of a stream that is known to be endless the workers need not ask each other whether there is more.
            return rows.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))

        return self.strategy.distribute_datasets_from_function(part)


def _replica_parts(batch: Any, count: int) -> Any:
    """The equal parts of a worker's batch, one an element."""

    def divided(rows: Any) -> Any:
        return tf.reshape(rows, tf.concat([[count, tf.shape(rows)[0] // count], tf.shape(rows)[1:]], axis=0))

    def shaped(part: Any, rows: Any) -> Any:
        return tf.ensure_shape(part, rows.shape)

    parts = tf.data.Dataset.from_tensor_slices(tf.nest.map_structure(divided, batch))
    return parts.map(lambda *part: tf.nest.map_structure(shaped, part, batch))


def choose_distribution(*, devices: int | None = None, wait_s: float = WAIT_S) -> Distribution:
    """What to train on: the workers of ``TF_CONFIG``, else all GPUs, else one device.

    It must be called before TensorFlow has done anything.

    Args:
        devices: How many devices of this machine to use: GPUs, or without any, logical devices of the CPU, which gain
            nothing and show that it works. None for all GPUs.
        wait_s: How long to wait for other workers.

    Raises:
        UsageError: ``TF_CONFIG`` is malformed, or there are not as many devices.
        SiamliteError: A worker did not answer in time.
    """
    cluster = read_cluster()
    if cluster is not None:
        if devices not in (None, 1):
            raise UsageError("--devices is for one machine; with TF_CONFIG each worker uses all of its GPUs.")
        return _several_machines(cluster, wait_s)
    if devices is not None and not 1 <= devices <= MOST_DEVICES:
        raise UsageError(f"--devices must be from 1 to {MOST_DEVICES}, not {devices}.")
    gpus = tf.config.list_physical_devices("GPU")
    count = devices or max(1, len(gpus))
    if count == 1:
        return Distribution(strategy=tf.distribute.get_strategy())
    if gpus and count > len(gpus):
        raise UsageError(f"--devices {count}: this machine has {len(gpus)} GPUs.")
    if not gpus:
        _divide_cpu(count)
    kind = "GPU" if gpus else "CPU"
    _log.info("training on %d %s devices", count, kind)
    return Distribution(strategy=tf.distribute.MirroredStrategy([f"{kind}:{index}" for index in range(count)]))


def _divide_cpu(count: int) -> None:
    cpu = tf.config.list_physical_devices("CPU")[0]
    held = tf.config.get_logical_device_configuration(cpu)
    if held is not None and len(held) >= count:
        return
    try:
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * count)
    except RuntimeError as error:
        raise UsageError(f"--devices {count} must be chosen before TensorFlow is used in the process.") from error


def _several_machines(cluster: Cluster, wait_s: float) -> Distribution:
    await_workers(cluster, wait_s)
    # It would tell of every collective operation that it plans.
    tf.get_logger().setLevel(logging.ERROR)
    before = signal.getsignal(signal.SIGTERM)
    with lost_worker():
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    if threading.current_thread() is threading.main_thread():
        # TensorFlow takes SIGTERM for a notice that it hands to others, and the process would not end.
        signal.signal(signal.SIGTERM, before if before is not None else signal.SIG_DFL)
    _log.info("worker %d of %d, %d replicas", cluster.index, len(cluster.workers), strategy.num_replicas_in_sync)
    return Distribution(strategy=strategy, worker=cluster.index, workers=len(cluster.workers))


@contextlib.contextmanager
def lost_worker(distribution: Distribution | None = None) -> Iterator[None]:
    """Say in one line that another worker is gone, where TensorFlow would say it in a hundred.

    Args:
        distribution: With a single worker nothing is caught.

    Raises:
        SiamliteError: A collective operation failed.
    """
    try:
        yield
    except (
        tf.errors.UnavailableError,
        tf.errors.AbortedError,
        tf.errors.CancelledError,
        tf.errors.DeadlineExceededError,
        tf.errors.FailedPreconditionError,
        tf.errors.InternalError,
    ) as error:
        if distribution is not None and distribution.workers == 1:
            raise
        _log.debug("the collective operation failed", exc_info=True)
        raise SiamliteError(
            "another worker was lost; if it ended by itself, it said why. Start the same command again on every "
            "machine: the training goes on after the last checkpoint."
        ) from error


def gather_rows(rows: Any) -> Any:
    """The rows of all replicas, in the order of the replicas; outside a replica, and with one, the rows themselves.

    It is differentiable: what comes back is the sum over the replicas of what each asks for (:func:`loss_share`).
    """
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return rows
    # An argument of a function has no device, which gathering asks for; its copy has.
    return context.all_gather(tf.identity(rows), axis=0)


def loss_share(loss: Any) -> Any:
    """A replica's share of a loss that every replica computes over the whole batch: Keras adds the gradients up."""
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    return loss if replicas == 1 else loss / replicas


def step_logs(logs: dict[str, Any]) -> dict[str, Any]:
    """The logs of a step in the shape that Keras can average over workers: it takes the mean over their first axis."""
    strategy = tf.distribute.get_strategy()
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return logs
    return {name: tf.reshape(value, (1,)) for name, value in logs.items()}
