"""A training that ends when it has computed for so long, however many steps that were.

Networks of different cost can so be compared at the same price, on a machine that has other work as well: what counts
is the time of the processor, on all of its cores, not that of the clock.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from train.config import ScheduleConfig
from train.fitting.log import read_log
from train.keras_quietly import keras

COLUMN = "cpu_seconds"


def spent_seconds(log: Path, finished: int) -> float:
    """Seconds of computing in the epochs of a run that have a checkpoint."""
    return sum(read_log(log).get(COLUMN, [])[:finished])


def is_spent(schedule: ScheduleConfig, spent_s: float) -> bool:
    """Whether a training has a budget and has used it up."""
    return bool(schedule.cpu_minutes) and spent_s >= 60 * schedule.cpu_minutes


def budget_rate(schedule: ScheduleConfig, *, step: int, spent_s: float) -> float:
    """The learning rate at a step: the linear warm-up over steps, times the cosine over the budget.

    Args:
        schedule: The recipe's.
        step: Steps that are done.
        spent_s: Seconds of computing that are spent.
    """
    warmup = round(schedule.warmup_epochs * schedule.steps_per_epoch)
    rising = min(1.0, max(1e-3, step / warmup)) if warmup else 1.0
    if schedule.rate == "constant":
        return schedule.learning_rate * rising
    share = min(1.0, spent_s / (60 * schedule.cpu_minutes))
    return schedule.learning_rate * rising * (1 + math.cos(math.pi * share)) / 2


class CpuBudget(keras.callbacks.Callback):
    """Sets the learning rate of each step by what is spent, logs that, and stops when it is all.

    The first step of a process is free: in it TensorFlow traces the network, which trains nothing. What is done between
    epochs (checkpoints, validation people) is free as well. It must stand before the callbacks that write the logs.
    """

    def __init__(
        self, schedule: ScheduleConfig, spent_s: float, *, clock: Callable[[], float] = time.process_time
    ) -> None:
        """Take the schedule and what earlier processes spent.

        Args:
            schedule: The recipe's, with ``cpu_minutes``.
            spent_s: Seconds of computing in the epochs that are done.
            clock: Seconds that this process has computed.
        """
        super().__init__()
        self._schedule = schedule
        self._before = self._spent = spent_s
        self._clock = clock
        self._mark = math.nan
        self._steps = 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Begin to count, but for the first epoch of a process."""
        self._steps = 0
        if not math.isnan(self._mark):
            self._mark = self._clock()

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Set the learning rate."""
        optimizer = self.model.optimizer
        optimizer.learning_rate = budget_rate(self._schedule, step=int(optimizer.iterations), spent_s=self._spent)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Count the step, and stop where the budget ends."""
        now = self._clock()
        self._spent += 0.0 if math.isnan(self._mark) else now - self._mark
        self._mark = now
        self._steps += 1
        if is_spent(self._schedule, self._spent):
            self.model.stop_training = True

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Add what the epoch took to the logs: seconds of computing, and steps, which are fewer where it was cut."""
        if logs is not None:
            logs[COLUMN], logs["steps"] = self._spent - self._before, float(self._steps)
        self._before = self._spent
