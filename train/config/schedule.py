"""How long and how fast to train, and what becomes of the weights."""

from __future__ import annotations

from dataclasses import dataclass

from edge_runtime.errors import UsageError
from train.config.checks import one_of, within

OPTIMIZERS = ("adamw", "adam", "sgd", "rmsprop")
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
WATCHED = ("tar", "auc", "last")
RATES = ("cosine", "constant")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleConfig:
    """Epochs, steps and the learning rate.

    Attributes:
        epochs: Number of epochs; metrics are computed and a checkpoint is written after each. 0 is for a tower whose
            embedding layer is solved, not trained (``whiten``).
        steps_per_epoch: Batches in an epoch.
        cpu_minutes: Minutes of computing, all cores together, after which the training ends if the epochs do not end it
            before; the cosine runs over them (:mod:`train.fitting.budget`). 0 for none. How many steps that are depends
            on the machine, so that no two such trainings are alike.
        warmup_epochs: Epochs of the linear warm-up.
        optimizer: ``"adamw"``, ``"adam"``, ``"sgd"`` (with Nesterov momentum 0.9) or ``"rmsprop"``.
        rate: ``"cosine"`` (down to zero over the whole training) or ``"constant"``, after the warm-up.
        learning_rate: Peak of the learning rate.
        weight_decay: Decoupled weight decay (Loshchilov and Hutter 2019, arXiv:1711.05101); AdamW and SGD.
        ema: Momentum of the exponential moving average of the weights that is measured and delivered; 0 for none.
        watch: What makes an epoch the best one, on the validation people: ``"tar"`` (TAR at the lowest FAR of 1e-3,
            1e-2 and 1e-1 that their pairs resolve, then AUC), ``"auc"`` (AUC, then EER: steadier for few people) or
            ``"last"`` (the last epoch, whatever it scores).
        patience: Epochs without a better one after which the training stops early; 0 for never.
        norm_batches: Batches over which batch normalisation's statistics are computed anew for the delivered weights;
            0 keeps the running ones.
        whiten: Ridge of the within-person whitening that replaces the embedding layer after the last epoch, as a share
            of the mean variance (:mod:`train.fitting.whiten`); 0 leaves the trained layer.
        whiten_copies: How often each picture is augmented for it, besides the picture itself.
        precision: ``"float32"``, ``"mixed_bfloat16"`` or ``"mixed_float16"``; the mixed ones gain on GPUs only.
    """

    epochs: int = 40
    steps_per_epoch: int = 100
    cpu_minutes: float = 0.0
    warmup_epochs: float = 1.0
    optimizer: str = "adamw"
    rate: str = "cosine"
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    ema: float = 0.0
    watch: str = "auc"
    patience: int = 0
    norm_batches: int = 0
    whiten: float = 0.0
    whiten_copies: int = 8
    precision: str = "float32"

    def __post_init__(self) -> None:
        """Refuse numbers that train nothing."""
        within(self, "epochs", 0, 100_000)
        within(self, "whiten", 0, 100)
        within(self, "whiten_copies", 0, 1000)
        if self.epochs == 0 and not self.whiten:
            raise UsageError("schedule.epochs=0 trains nothing. Use: --set schedule.epochs=40, or schedule.whiten=0.03")
        within(self, "steps_per_epoch", 1, 1_000_000)
        within(self, "cpu_minutes", 0, 1_000_000)
        within(self, "warmup_epochs", 0, self.epochs)
        within(self, "learning_rate", 1e-8, 10)
        within(self, "weight_decay", 0, 1)
        within(self, "ema", 0, 0.99999)
        within(self, "patience", 0, 100_000)
        within(self, "norm_batches", 0, 10_000)
        one_of(self, "optimizer", OPTIMIZERS)
        one_of(self, "rate", RATES)
        one_of(self, "watch", WATCHED)
        if self.patience and self.watch == "last":
            raise UsageError(
                "schedule.patience compares epochs, which schedule.watch=last does not. Leave out one of them."
            )
        one_of(self, "precision", PRECISIONS)
