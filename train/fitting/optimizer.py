"""The optimizer of a recipe and its learning rate."""

from __future__ import annotations

from typing import Any

from train.config import ScheduleConfig
from train.keras_quietly import keras


def make_rate(schedule: ScheduleConfig) -> Any:
    """A linear warm-up, then a cosine down to zero over the whole training, or a constant.

    Loshchilov and Hutter 2017, "SGDR", arXiv:1608.03983, without restarts. With a budget of computing it is a plain
    number, which :class:`train.fitting.budget.CpuBudget` sets before every step.
    """
    if schedule.cpu_minutes:
        return schedule.learning_rate
    warmup = round(schedule.warmup_epochs * schedule.steps_per_epoch)
    total = schedule.epochs * schedule.steps_per_epoch
    return keras.optimizers.schedules.CosineDecay(
        schedule.learning_rate / 1000,
        max(1, total - warmup),
        # The share of the peak that is left at the end: all of it is a constant rate.
        alpha=1.0 if schedule.rate == "constant" else 0.0,
        warmup_target=schedule.learning_rate,
        warmup_steps=warmup,
    )


def make_optimizer(schedule: ScheduleConfig) -> Any:
    """The optimizer, with an average of the weights beside them where the recipe asks for one."""
    options: dict[str, Any] = {"learning_rate": make_rate(schedule)}
    if schedule.ema:
        options |= {"use_ema": True, "ema_momentum": schedule.ema, "ema_overwrite_frequency": None}
    if schedule.optimizer == "adamw":
        return keras.optimizers.AdamW(weight_decay=schedule.weight_decay, **options)
    if schedule.optimizer == "sgd":
        return keras.optimizers.SGD(momentum=0.9, nesterov=True, weight_decay=schedule.weight_decay or None, **options)
    kinds = {"adam": keras.optimizers.Adam, "rmsprop": keras.optimizers.RMSprop}
    return kinds[schedule.optimizer](**options)
