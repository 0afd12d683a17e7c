"""What cheap cameras and living people do to a face: small functions of a picture and a random generator.

Every function takes uint8 pixels of shape (size, size, channels) with 1 (grey) or 3 (RGB) channels, 0 to 255, and gives
new pixels of the same shape and type; the picture that goes in is left as it was. The same generator state gives the
same pixels.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from edge_runtime.images import Image
from train.config import AugmentConfig

Rng: TypeAlias = np.random.Generator


def flip(pixels: Image, rng: Rng) -> Image:
    """Mirror left and right (``rng`` is not used; it keeps the signatures alike)."""
    return _like(cv2.flip(pixels, 1), pixels)


def affine(pixels: Image, rng: Rng, *, rotate_deg: float, scale: float, shift: float) -> Image:
    """Rotate, scale and shift about the middle: what an imperfect landmark detector does.

    Args:
        pixels: The picture.
        rng: Where the randomness comes from.
        rotate_deg: Largest rotation in degrees.
        scale: Largest relative change of size.
        shift: Largest shift as a share of the side.
    """
    size = pixels.shape[0]
    centre = (size - 1) / 2
    angle = rng.uniform(-rotate_deg, rotate_deg)
    matrix = cv2.getRotationMatrix2D((centre, centre), angle, 1 + rng.uniform(-scale, scale))
    matrix[:, 2] += rng.uniform(-shift, shift, 2) * size
    warped = cv2.warpAffine(pixels, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return _like(warped, pixels)


def turn(pixels: Image, rng: Rng) -> Image:
    """A turn or nod of the head: what is nearer to the camera, the middle of the face, moves against the rest.

    The face is taken for a smooth bump whose depth falls off from the nose; its points are moved by up to 8 % of the
    side along x and 4 % along y in proportion to their depth.
    """
    size = pixels.shape[0]
    axis = (np.arange(size, dtype=np.float32) + 0.5) / size
    across, down = axis[None, :], axis[:, None]
    depth = np.exp(-(((across - 0.5) / 0.24) ** 2) - ((down - 0.64) / 0.34) ** 2)
    yaw, pitch = rng.uniform(-0.08, 0.08) * size, rng.uniform(-0.04, 0.04) * size
    from_x = np.arange(size, dtype=np.float32)[None, :] - np.float32(yaw) * depth
    from_y = np.arange(size, dtype=np.float32)[:, None] - np.float32(pitch) * depth
    return _like(cv2.remap(pixels, from_x, from_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), pixels)


def light(pixels: Image, rng: Rng) -> Image:
    """Another gamma (0.6 to 1.6), contrast (±30 %) and brightness (±25 grey levels)."""
    levels = np.linspace(0, 1, 256) ** np.exp(rng.uniform(-0.5, 0.5))
    levels = (levels - 0.5) * (1 + rng.uniform(-0.3, 0.3)) + 0.5
    table = np.clip(np.rint(levels * 255 + rng.uniform(-25, 25)), 0, 255).astype(np.uint8)
    return _like(cv2.LUT(pixels, table), pixels)


def shade(pixels: Image, rng: Rng) -> Image:
    """Light from one side: a linear ramp of up to ±45 % over the picture in a random direction."""
    angle, reach = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.45)
    axis = np.linspace(-1, 1, pixels.shape[0], dtype=np.float32)
    ramp = np.float32(1 + reach * np.cos(angle) * axis[None, :]) + np.float32(reach * np.sin(angle) * axis[:, None])
    return _like(cv2.multiply(pixels, _all_channels(ramp, pixels), dtype=cv2.CV_8U), pixels)


def blur(pixels: Image, rng: Rng) -> Image:
    """A Gaussian blur with σ of 0.4 to 1.4 % of the side: out of focus."""
    sigma = float(rng.uniform(0.004, 0.014)) * pixels.shape[0]
    return _like(cv2.GaussianBlur(pixels, (0, 0), sigma), pixels)


def low_resolution(pixels: Image, rng: Rng) -> Image:
    """Reduce to 30 to 75 % of the side and enlarge again: a face far from the camera."""
    size = pixels.shape[0]
    small = max(8, round(size * float(rng.uniform(0.3, 0.75))))
    reduced = cv2.resize(pixels, (small, small), interpolation=cv2.INTER_AREA)
    return _like(cv2.resize(reduced, (size, size), interpolation=cv2.INTER_LINEAR), pixels)


def noise(pixels: Image, rng: Rng) -> Image:
    """Gaussian sensor noise with σ of 2 to 12 grey levels, independent in every pixel and channel.

    It is cut at a random place out of one long row of normal numbers, which is drawn once: drawing them anew for each
    picture takes most of the time of all augmentations together.
    """
    pool = _normal_pool()
    start = int(rng.integers(0, pool.size - pixels.size))
    drawn = pool[start : start + pixels.size].reshape(pixels.shape)
    return _like(cv2.addWeighted(pixels, 1, drawn, float(rng.uniform(2, 12)), 0, dtype=cv2.CV_8U), pixels)


def colour(pixels: Image, rng: Rng) -> Image:
    """Another white balance (red and blue by ±15 % against green) and saturation (50 to 140 %).

    A grey picture is given back as it is.
    """
    gains = np.array([rng.uniform(0.85, 1.15), 1, rng.uniform(0.85, 1.15)])
    saturation = rng.uniform(0.5, 1.4)
    if pixels.shape[2] == 1:
        return pixels
    # Mixing with the luma changes the saturation, scaling the rows the white balance: one 3×3 matrix does both.
    matrix = (saturation * np.eye(3) + (1 - saturation) * np.array(_LUMA)) * gains[:, None]
    return _like(cv2.transform(pixels, matrix), pixels)


def grey(pixels: Image, rng: Rng) -> Image:
    """Lose all colour, as infrared light or an old print does: three equal channels (``rng`` is not used).

    A grey picture is given back as it is.
    """
    if pixels.shape[2] == 1:
        return pixels
    return _like(cv2.cvtColor(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB), pixels)


def jpeg(pixels: Image, rng: Rng) -> Image:
    """JPEG artefacts of quality 25 to 75."""
    quality = int(rng.integers(25, 76))
    bgr = pixels[:, :, ::-1] if pixels.shape[2] == 3 else pixels
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR if pixels.shape[2] == 3 else cv2.IMREAD_GRAYSCALE))
    return _like(decoded[:, :, ::-1] if pixels.shape[2] == 3 else decoded, pixels)


def occlude(pixels: Image, rng: Rng) -> Image:
    """Cover a rectangle of 10 to 40 % of the side with one grey level or with noise: a hand, a scarf, hair."""
    size = pixels.shape[0]
    height, width = (max(2, round(size * float(share))) for share in rng.uniform(0.1, 0.4, 2))
    top, left = rng.integers(0, size - height + 1), rng.integers(0, size - width + 1)
    covered = pixels.copy()
    patch = covered[top : top + height, left : left + width]
    patch[:] = rng.integers(0, 256, patch.shape, dtype=np.uint8) if rng.random() < 0.3 else rng.integers(0, 256)
    return covered


def background(pixels: Image, rng: Rng) -> Image:
    """Another background: outside a soft ellipse around the face, grey with a slope of light.

    Without it a tower learns the wall and the haircut of the one day on which somebody was photographed.
    """
    size = pixels.shape[0]
    axis = np.arange(size, dtype=np.float32) / np.float32(size)
    centre_x, centre_y = 0.5 + rng.uniform(-0.05, 0.05), 0.58 + rng.uniform(-0.05, 0.05)
    across = ((axis - np.float32(centre_x)) / np.float32(rng.uniform(0.36, 0.55))) ** 2
    down = ((axis - np.float32(centre_y)) / np.float32(rng.uniform(0.46, 0.65))) ** 2
    softness = np.float32(rng.uniform(0.05, 0.4))
    face = np.clip((1 + softness - np.sqrt(across[None, :] + down[:, None])) / softness, 0, 1)
    slope_x, slope_y = (np.float32(rng.uniform(-60, 60)) * (axis - np.float32(0.5)) for _ in range(2))
    level = np.clip(np.float32(rng.uniform(20, 200)) + slope_x[None, :] + slope_y[:, None], 0, 255).astype(np.uint8)
    return _like(cv2.blendLinear(pixels, _all_channels(level, pixels), face, 1 - face), pixels)


def augment(pixels: Image, config: AugmentConfig, rng: Rng) -> Image:
    """Apply the augmentations of a recipe, each with its probability, in the order in which a camera would.

    Args:
        pixels: uint8 of shape (size, size, channels).
        config: The probabilities.
        rng: Where the randomness comes from.

    Returns:
        uint8 of the same shape.
    """
    for name in AUGMENTATIONS:
        if rng.random() < getattr(config, name):
            pixels = augment_by(name, pixels, config, rng)
    return pixels


def augment_by(name: str, pixels: Image, config: AugmentConfig, rng: Rng) -> Image:
    """Apply one of :data:`AUGMENTATIONS`, as far as the recipe lets it reach (see :func:`augment`)."""
    if name == "affine":
        return affine(pixels, rng, rotate_deg=config.rotate_deg, scale=config.scale, shift=config.shift)
    return _FUNCTIONS[name](pixels, rng)


# In the order in which a camera would.
_FUNCTIONS: dict[str, Callable[..., Image]] = {
    "background": background,
    "flip": flip,
    "affine": affine,
    "turn": turn,
    "occlude": occlude,
    "shade": shade,
    "light": light,
    "blur": blur,
    "low_resolution": low_resolution,
    "noise": noise,
    "colour": colour,
    "grey": grey,
    "jpeg": jpeg,
}
AUGMENTATIONS = tuple(_FUNCTIONS)

# Weights of ITU-R BT.601 luma, once for each channel that comes out.
_LUMA = ((0.299, 0.587, 0.114),) * 3


def _like(warped: npt.NDArray[np.generic], pixels: Image) -> Image:
    """Give back the channel axis that OpenCV drops from grey pictures."""
    return np.asarray(warped, dtype=np.uint8).reshape(pixels.shape)


def _all_channels(plane: Any, pixels: Image) -> Any:
    """A plane of shape (size, size) once for each channel of the picture."""
    return plane if pixels.shape[2] == 1 else cv2.merge([plane] * 3)


@functools.cache
def _normal_pool() -> npt.NDArray[np.float32]:
    """A million standard normal numbers, always the same."""
    return np.random.default_rng(0x4015E).standard_normal(1 << 20, dtype=np.float32)
