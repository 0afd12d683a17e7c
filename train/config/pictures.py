"""Which pictures a batch holds, what happens to them, and who is held back."""

from __future__ import annotations

from dataclasses import dataclass, fields

from edge_runtime.errors import UsageError
from train.config.checks import one_of, within

SAMPLERS = ("pk", "pairs", "hard-pairs", "uniform")


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchConfig:
    """A batch of ``people`` × ``pictures`` pictures.

    Attributes:
        sampler: ``"pk"`` (that many people with that many pictures each), ``"pairs"`` (half as many random pairs as
            pictures, as many genuine as impostor), ``"hard-pairs"`` (pairs that recent batches got most wrong) or
            ``"uniform"`` (any pictures, each as likely as every other: for a teacher alone).
        people: P.
        pictures: K.
    """

    sampler: str = "pk"
    people: int = 16
    pictures: int = 4

    def __post_init__(self) -> None:
        """A batch needs genuine and impostor pairs."""
        one_of(self, "sampler", SAMPLERS)
        within(self, "people", 2, 1024)
        within(self, "pictures", 2, 1024)


@dataclass(frozen=True, slots=True, kw_only=True)
class AugmentConfig:
    """How often each augmentation of :mod:`train.batches.augment` is applied (0 to 1), and how far it reaches.

    Attributes:
        flip: Probability of mirroring.
        affine: Probability of rotation, scaling and shift together.
        rotate_deg: Largest rotation in degrees.
        scale: Largest relative change of size.
        shift: Largest shift as a share of the side.
        turn: Probability of a turn or nod of the head.
        light: Probability of another brightness, contrast and gamma.
        shade: Probability of light from one side.
        blur: Probability of a Gaussian blur.
        low_resolution: Probability of a reduction to a lower resolution and back.
        noise: Probability of sensor noise.
        jpeg: Probability of JPEG artefacts.
        occlude: Probability of a covered rectangle.
        background: Probability of another background around the face.
        colour: Probability of another white balance and saturation (of colour pictures).
        grey: Probability of losing all colour (of colour pictures).
    """

    flip: float = 0.5
    affine: float = 0.8
    rotate_deg: float = 8.0
    scale: float = 0.08
    shift: float = 0.04
    turn: float = 0.2
    light: float = 0.6
    shade: float = 0.2
    blur: float = 0.15
    low_resolution: float = 0.15
    noise: float = 0.2
    jpeg: float = 0.15
    occlude: float = 0.2
    background: float = 0.0
    colour: float = 0.3
    grey: float = 0.05

    def __post_init__(self) -> None:
        """Refuse what is no probability."""
        reach = {"rotate_deg": 90.0, "scale": 0.5, "shift": 0.5}
        for entry in fields(self):
            within(self, entry.name, 0, reach.get(entry.name, 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitConfig:
    """How the data is divided.

    Attributes:
        validation: Share of the people (or pictures) who are not trained on and choose the best epoch; 0 trains on
            everyone and delivers the last epoch.
        by: ``"people"``: nobody is on both sides, as face verification demands. ``"pictures"``: the same classes on
            both sides, as the tutorials on digits and clothes have it; an IDX set's own test half is then taken.
        test: Share of the people who are neither trained on nor choose anything: for the last measurement.
    """

    validation: float = 0.2
    by: str = "people"
    test: float = 0.0

    def __post_init__(self) -> None:
        """Both halves need someone."""
        within(self, "validation", 0, 0.9)
        within(self, "test", 0, 0.9)
        if self.validation + self.test > 0.95:
            raise UsageError("split.validation and split.test together leave nobody to train on.")
        one_of(self, "by", ("people", "pictures"))
