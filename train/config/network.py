"""The tower, the loss on top of it and the teacher beside it."""

from __future__ import annotations

from dataclasses import dataclass

from edge_runtime.errors import UsageError
from train.config.checks import one_of, within

HEADS = ("average", "flatten", "max")
DISTANCES = ("euclidean", "squared-euclidean", "cosine", "weighted-l1")
MININGS = ("semi-hard", "hard", "all")


@dataclass(frozen=True, slots=True, kw_only=True)
class TowerConfig:
    """The network.

    Attributes:
        name: A tower of :mod:`train.towers.build`.
        width: Channels of the first stage; what it means for each tower is said there.
        blocks: Residual blocks of each stage of ``plain`` and ``dlib-resnet``; every stage halves the side.
        embedding_length: Length of the embedding.
        head: ``"average"`` (global average pooling), ``"max"`` (global maximum) or ``"flatten"`` before the embedding
            layer.
        dropout: Share of values dropped before the embedding layer, 0 to 0.9.
        backbone: For ``applications``: the name of a class of ``keras.applications``.
        weights: For ``applications``: ``""`` (random), ``"imagenet"``, or the path of a weights file. For ``file``: the
            ``.keras`` file.
    """

    name: str = "plain"
    width: int = 24
    blocks: tuple[int, ...] = (1, 1, 1, 1)
    embedding_length: int = 128
    head: str = "flatten"
    dropout: float = 0.2
    backbone: str = "MobileNetV3Small"
    weights: str = ""

    def __post_init__(self) -> None:
        """Refuse values that make no network."""
        within(self, "width", 4, 256)
        within(self, "embedding_length", 2, 4096)
        within(self, "dropout", 0, 0.9)
        if not 1 <= len(self.blocks) <= 5 or not all(1 <= count <= 16 for count in self.blocks):
            raise UsageError(f"tower.blocks must be 1 to 5 numbers from 1 to 16, not {list(self.blocks)}.")
        one_of(self, "head", HEADS)


@dataclass(frozen=True, slots=True, kw_only=True)
class LossConfig:
    """The loss. None stands for the loss's own default; :data:`train.losses.build.LOSSES` has them all.

    A key that a loss does not take is refused when it is set.

    Attributes:
        name: A loss of :mod:`train.losses.build`; ``"none"`` where a teacher is all there is to learn from.
        margin: Its margin: a distance (contrastive, triplet), what is added to the target's angle in radians (ArcFace)
            or taken off its cosine (CosFace), or how far apart in cosine pairs are still compared (multi-similarity).
        scale: What cosines are multiplied with before the softmax (ArcFace, CosFace).
        distance: Distance of two embeddings for contrastive, triplet and pair-bce.
        normalise: Whether embeddings are scaled to length 1 first. The device compares by cosine similarity, so turn
            it off only to repeat what others did.
        mining: Which triplets count: ``"semi-hard"``, ``"hard"`` (batch-hard) or ``"all"``.
        alpha: Weight of genuine pairs inside the logarithm (multi-similarity).
        beta: Weight of impostor pairs inside the logarithm (multi-similarity).
        threshold: Similarity from which pairs count (multi-similarity).
        sampled_classes: Classes that each step compares with besides the batch's own (ArcFace, CosFace); 0 for all.
        weight: Weight of this loss beside distillation.
    """

    name: str = "triplet"
    margin: float | None = None
    scale: float | None = None
    distance: str | None = None
    normalise: bool = True
    mining: str | None = None
    alpha: float | None = None
    beta: float | None = None
    threshold: float | None = None
    sampled_classes: int | None = None
    weight: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what no loss takes."""
        within(self, "margin", 0.001, 4)
        within(self, "scale", 1, 256)
        within(self, "alpha", 0.01, 1000)
        within(self, "beta", 0.01, 1000)
        within(self, "threshold", -1, 1)
        within(self, "sampled_classes", 0, 10_000_000)
        within(self, "weight", 0, 1000)
        if self.distance is not None:
            one_of(self, "distance", DISTANCES)
        if self.mining is not None:
            one_of(self, "mining", MININGS)


@dataclass(frozen=True, slots=True, kw_only=True)
class TeacherConfig:
    """What to distil from.

    Attributes:
        path: A ``.keras`` or ``.tflite`` tower, or a ``.npz`` file of embeddings (``path`` and ``descriptor``); ``""``
            for no teacher.
        faces: Prepared faces of the same names, cut as a tower that teaches expects them; ``""`` for the student's own.
        cosine: Weight of 1 − cosine similarity between the student's embedding and the teacher's, mapped by a linear
            layer where their lengths differ.
        similarity: Weight of the mean squared difference of the two batches' similarity matrices.
    """

    path: str = ""
    faces: str = ""
    cosine: float = 1.0
    similarity: float = 1.0

    def __post_init__(self) -> None:
        """Refuse weights that teach nothing."""
        within(self, "cosine", 0, 1000)
        within(self, "similarity", 0, 1000)
        if self.faces and (not self.path or self.path.endswith(".npz")):
            raise UsageError("teacher.faces is for a tower in teacher.path. Leave it out: --set teacher.faces=")
        if self.path and self.cosine == self.similarity == 0:
            raise UsageError("teacher.cosine and teacher.similarity are both 0: the teacher would teach nothing.")
