"""From an aligned crop to the numbers that the tower sees: the same in training, in calibration and on the device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from edge_runtime.errors import UsageError
from edge_runtime.images import Image

Colour = Literal["grey", "rgb", "bgr"]
COLOURS: tuple[Colour, ...] = ("grey", "rgb", "bgr")


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSpec:
    """What a tower takes in.

    Attributes:
        size_px: Side of its square input.
        colour: ``"grey"`` (one channel, ITU-R BT.601 luma), ``"rgb"`` or ``"bgr"`` (three channels, in that order; the
            second is for towers that others trained on OpenCV's order).
        scale: What a pixel value of 0 to 255 is multiplied with.
        offset: What is then added.
    """

    size_px: int
    colour: Colour
    scale: float = 1 / 127.5
    offset: float = -1.0

    def __post_init__(self) -> None:
        """Refuse values that no tower can have."""
        if not isinstance(self.size_px, int) or not 16 <= self.size_px <= 512:
            raise UsageError(f"input size must be a whole number from 16 to 512 px, not {self.size_px!r:.50}.")
        if self.colour not in COLOURS:
            raise UsageError(f"input colour must be 'grey', 'rgb' or 'bgr', not {self.colour!r:.50}.")
        if not (np.isfinite(self.scale) and np.isfinite(self.offset)) or self.scale <= 0:
            raise UsageError(
                "input scale must be finite and above 0, input offset finite, not "
                f"{self.scale!r:.50} and {self.offset!r:.50}."
            )

    @property
    def channels(self) -> int:
        """Number of channels: 1 for grey, 3 for colours."""
        return 1 if self.colour == "grey" else 3

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of one input: (height, width, channels)."""
        return (self.size_px, self.size_px, self.channels)


def tower_pixels(crop_rgb: Image, spec: InputSpec) -> Image:
    """An aligned crop in the tower's colours.

    Args:
        crop_rgb: uint8 crop of shape (size_px, size_px, 3), RGB.
        spec: The tower's input.

    Returns:
        uint8 array of shape (size_px, size_px, channels).

    Raises:
        UsageError: The crop has another size or type.
    """
    if crop_rgb.shape != (spec.size_px, spec.size_px, 3) or crop_rgb.dtype != np.uint8:
        raise UsageError(
            f"the tower takes uint8 crops of {spec.size_px}×{spec.size_px}×3, not {crop_rgb.dtype} {crop_rgb.shape}."
        )
    if spec.colour == "rgb":
        return crop_rgb
    if spec.colour == "bgr":
        return np.ascontiguousarray(crop_rgb[:, :, ::-1])
    return np.asarray(cv2.cvtColor(crop_rgb, cv2.COLOR_RGB2GRAY), dtype=np.uint8)[:, :, None]


def normalise(pixels: npt.NDArray[np.uint8], spec: InputSpec) -> npt.NDArray[np.float32]:
    """Pixels of any shape, uint8, to the float32 values that the tower was trained on."""
    return pixels.astype(np.float32) * np.float32(spec.scale) + np.float32(spec.offset)


def quantization_table(
    spec: InputSpec, *, step: float, zero_point: int, dtype: str = "int8"
) -> npt.NDArray[np.int8 | np.uint8]:
    """The quantized value of each of the 256 pixel values: :func:`normalise` and rounding in one look-up.

    Args:
        spec: The tower's input.
        step: Quantization scale of the input tensor.
        zero_point: Its zero point.
        dtype: Its type, ``"int8"`` or ``"uint8"``.

    Returns:
        Array of shape (256,) and that type.
    """
    values = normalise(np.arange(256, dtype=np.uint8), spec)
    ends = np.iinfo(dtype)
    return np.clip(np.rint(values / np.float32(step)) + zero_point, ends.min, ends.max).astype(dtype)
