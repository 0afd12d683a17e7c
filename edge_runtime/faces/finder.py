"""From a picture to aligned, measured faces: what training, calibration and the device all go through."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from edge_runtime.errors import FaceError
from edge_runtime.faces.align import DEFAULT_TEMPLATE, AlignmentTemplate, Points, align_face
from edge_runtime.faces.choice import DEFAULT_DETECTOR, open_detector
from edge_runtime.faces.detect import Detector, Face
from edge_runtime.faces.landmarks import LandmarkRefiner, refiner_for
from edge_runtime.faces.quality import Quality, QualityLimits, measure_quality, quality_problem
from edge_runtime.images import Image
from edge_runtime.towers.interpreter import EngineOptions

# A photograph that is cropped tight has no room around the face for the detector: it is tried again with a border.
_PHOTO_BORDER = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFace:
    """A face, cut out and measured.

    Attributes:
        face: Where it is in the picture.
        points_px: What it was aligned by: the detector's landmarks, or the refiner's if the template is for those.
        crop_rgb: Aligned uint8 crop of shape (size_px, size_px, 3).
        quality: What was measured.
        problem: Reason code and advice if it is not good enough to be compared, else None.
        detect_ms: Time that detection took (of the whole picture).
        align_ms: Time that refining, alignment and measuring took.
    """

    face: Face
    points_px: Points
    crop_rgb: Image
    quality: Quality
    problem: tuple[str, str] | None
    detect_ms: float
    align_ms: float


class FaceFinder:
    """A face detector together with a crop size: picture in, aligned faces out."""

    def __init__(
        self,
        *,
        size_px: int = 112,
        template: AlignmentTemplate = DEFAULT_TEMPLATE,
        limits: QualityLimits | None = None,
        detector: str = DEFAULT_DETECTOR,
        models: Path | None = None,
        smallest_px: float | None = None,
        min_score: float | None = None,
        threads: int = 1,
        family: str | None = None,
        options: EngineOptions | None = None,
    ) -> None:
        """Load the detector.

        Args:
            size_px: Side of the crops.
            template: Alignment template of the crops.
            limits: What a face must reach to be compared.
            detector: See :func:`~edge_runtime.faces.choice.open_detector`.
            models: Folder that ``siamlite setup`` filled; the user's own by default.
            smallest_px: Side of the box of the smallest face that is wanted, in pixels of the frame.
            min_score: Faces that the detector is less sure of are left out; the detector's usual value if None.
            threads: Threads to compute with.
            family: Which interpreter.
            options: How it runs the detector.

        Raises:
            UsageError: The detector is unknown.
            TowerError: Its file is missing or is not the pinned one, or the template is for another landmark refiner.
        """
        self.size_px = size_px
        self.template = template
        self.limits = limits or QualityLimits()
        self.refiner: LandmarkRefiner | None = refiner_for(template)
        self.detector: Detector = open_detector(
            detector,
            models=models,
            smallest_px=smallest_px,
            min_score=min_score,
            threads=threads,
            family=family,
            options=options,
        )

    def find(self, image_rgb: Image, *, photo: bool = False) -> list[FoundFace]:
        """Every face in a picture, the largest first.

        Args:
            image_rgb: uint8 picture of shape (height, width, 3).
            photo: Whether it is a photograph that may be cropped tight: if no face is found, it is tried again with a
                border around it.
        """
        start = time.perf_counter()
        faces = self.detector.detect(image_rgb)
        if photo and not faces:
            faces = self._detect_with_border(image_rgb)
        detect_ms = (time.perf_counter() - start) * 1e3
        found = [self._cut_out(image_rgb, face, detect_ms) for face in faces]
        return sorted(found, key=lambda item: -item.face.area_px)

    def find_one(self, image_rgb: Image, *, name: str = "the picture") -> FoundFace:
        """The one face of a photograph, which may be cropped tight.

        Args:
            image_rgb: uint8 picture of shape (height, width, 3).
            name: What an error message calls the picture.

        Raises:
            FaceError: There is no face, or more than one.
        """
        found = self.find(image_rgb, photo=True)
        if not found:
            raise FaceError(f"no face was found in {name}.")
        if len(found) > 1:
            raise FaceError(f"{len(found)} faces were found in {name}; one is needed.")
        return found[0]

    def _detect_with_border(self, image_rgb: Image) -> list[Face]:
        """Detect in the picture with half its longer side replicated around it; coordinates of the picture itself."""
        width = round(_PHOTO_BORDER * max(image_rgb.shape[:2]))
        bordered = cv2.copyMakeBorder(image_rgb, width, width, width, width, cv2.BORDER_REPLICATE)
        shifted = []
        for face in self.detector.detect(np.asarray(bordered, dtype=np.uint8)):
            left, top, right, bottom = face.box_px
            box = (left - width, top - width, right - width, bottom - width)
            shifted.append(replace(face, box_px=box, landmarks_px=face.landmarks_px - np.float32(width)))
        return shifted

    def _cut_out(self, image_rgb: Image, face: Face, detect_ms: float) -> FoundFace:
        start = time.perf_counter()
        points = face.landmarks_px if self.refiner is None else self.refiner.refine(image_rgb, face.landmarks_px)
        crop = align_face(image_rgb, points, self.size_px, self.template)
        quality = measure_quality(image_rgb, face, crop)
        return FoundFace(
            face=face,
            points_px=points,
            crop_rgb=crop,
            quality=quality,
            problem=quality_problem(quality, self.limits),
            detect_ms=detect_ms,
            align_ms=(time.perf_counter() - start) * 1e3,
        )
