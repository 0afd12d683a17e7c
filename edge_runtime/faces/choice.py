"""Which face detector: by name, or the one that fits the frame and the smallest face that is wanted."""

from __future__ import annotations

from pathlib import Path

from edge_runtime.errors import UsageError
from edge_runtime.faces.blazeface import MODELS, BlazeFace, DetectorModel
from edge_runtime.faces.detect import Detector, Face
from edge_runtime.faces.yunet import YuNet
from edge_runtime.home import expanded, models_folder
from edge_runtime.images import Image
from edge_runtime.towers.interpreter import EngineOptions

DEFAULT_DETECTOR = "auto"
YUNET = "yunet"
NAMES = ("auto", *MODELS, f"{YUNET}:FILE")
# Smallest face that is looked for where nobody says another: the side of its box as a share of the frame's longer one.
# It is somebody within a good metre of a usual camera, and what the fastest model but short range sees reliably.
DEFAULT_FACE_SHARE = 1 / 6


def choose_model(shape: tuple[int, ...], smallest_px: float | None = None) -> DetectorModel:
    """The fastest model that sees the smallest face that is wanted; if none does, the one that sees the smallest.

    Args:
        shape: (height, width, …) of the frame.
        smallest_px: Side of the box of the smallest face, in pixels of the frame; a sixth of its longer side if None.
    """
    longer_px = max(shape[:2])
    share = DEFAULT_FACE_SHARE if smallest_px is None else smallest_px / longer_px
    enough = [model for model in MODELS.values() if share >= model.least_share]
    if not enough:
        return min(MODELS.values(), key=lambda model: model.least_share)
    return min(enough, key=lambda model: model.cost)


class AutoDetector:
    """The BlazeFace model that fits each frame; one is loaded when the first frame needs it."""

    def __init__(
        self,
        models: Path,
        *,
        smallest_px: float | None = None,
        min_score: float = 0.5,
        threads: int = 1,
        family: str | None = None,
        options: EngineOptions | None = None,
    ) -> None:
        """Load the model that most frames need, so that a missing file is known at once.

        Args:
            models: Folder that ``siamlite setup`` filled.
            smallest_px: Side of the box of the smallest face that is wanted, in pixels of the frame.
            min_score: Faces that the detector is less sure of are left out.
            threads: Threads to compute with.
            family: Which interpreter.
            options: How it runs the models.

        Raises:
            TowerError: A file is missing or is not the pinned one.
            UsageError: ``smallest_px`` is not above 0, or ``min_score`` not between 0 and 1.
        """
        if smallest_px is not None and not 0 < smallest_px < float("inf"):
            raise UsageError(f"the smallest face must have more than 0 pixels, not {smallest_px}.")
        self.name = "auto"
        self.min_score = min_score
        self.smallest_px = smallest_px
        self._settings = (models, min_score, threads, family, options)
        self._loaded: dict[str, BlazeFace] = {}
        self.chosen((480, 640))

    def chosen(self, shape: tuple[int, ...]) -> BlazeFace:
        """The detector for frames of a shape (height, width, …)."""
        model = choose_model(shape, self.smallest_px)
        if model.name not in self._loaded:
            models, min_score, threads, family, options = self._settings
            self._loaded[model.name] = BlazeFace(
                models / model.file_name, model, min_score=min_score, threads=threads, family=family, options=options
            )
        return self._loaded[model.name]

    def detect(self, image_rgb: Image) -> list[Face]:
        """Find the faces in a picture; see :meth:`edge_runtime.faces.detect.Detector.detect`."""
        return self.chosen(image_rgb.shape).detect(image_rgb)


def open_detector(
    name: str = DEFAULT_DETECTOR,
    *,
    models: Path | None = None,
    smallest_px: float | None = None,
    min_score: float | None = None,
    threads: int = 1,
    family: str | None = None,
    options: EngineOptions | None = None,
) -> Detector:
    """Load a face detector.

    Args:
        name: ``"auto"``, ``"full-range"``, ``"short-range"``, ``"back"`` or ``"yunet:FILE"``.
        models: Folder that ``siamlite setup`` filled; the user's own by default.
        smallest_px: For ``"auto"``: side of the box of the smallest face that is wanted, in pixels of the frame.
        min_score: Faces that the detector is less sure of are left out; the detector's usual value if None.
        threads: Threads to compute with (YuNet obeys OpenCV's own setting).
        family: Which interpreter (YuNet needs none).
        options: How it runs the model.

    Raises:
        UsageError: The name is unknown, or a number is out of range.
        TowerError: Its file is missing or is another one.
    """
    kind, _, file = name.partition(":")
    if kind == YUNET:
        if not file:
            raise UsageError("YuNet comes from a file of yours: --detector yunet:FILE.onnx, or --detector-model FILE.")
        path = expanded(file)
        return YuNet(path) if min_score is None else YuNet(path, min_score=min_score)
    score, folder = 0.5 if min_score is None else min_score, models or models_folder()
    if name == "auto":
        return AutoDetector(
            folder, smallest_px=smallest_px, min_score=score, threads=threads, family=family, options=options
        )
    if name not in MODELS:
        raise UsageError(f"unknown face detector {name!r:.80}; known are {', '.join(NAMES)}.")
    model = MODELS[name]
    return BlazeFace(folder / model.file_name, model, min_score=score, threads=threads, family=family, options=options)
