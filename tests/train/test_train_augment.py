import dataclasses

import numpy as np
import pytest

from train.batches.augment import (
    affine,
    augment,
    background,
    blur,
    colour,
    flip,
    grey,
    jpeg,
    light,
    low_resolution,
    noise,
    occlude,
    shade,
    turn,
)
from train.config import AugmentConfig


def _affine(pixels, rng):
    return affine(pixels, rng, rotate_deg=10, scale=0.1, shift=0.05)


FUNCTIONS = [flip, _affine, turn, light, shade, blur, low_resolution, noise, jpeg, occlude, background, colour, grey]
ONLY_OF_COLOUR = (colour, grey)


def _picture(channels, size=64):
    return np.random.default_rng(0).integers(0, 256, (size, size, channels), dtype=np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_shape_type_and_seed(function, channels):
    pixels = _picture(channels)
    before = pixels.copy()
    first = function(pixels, np.random.default_rng(4))
    assert first.shape == pixels.shape
    assert first.dtype == np.uint8
    assert first is pixels or not np.shares_memory(first, pixels)
    assert np.array_equal(first, pixels) == (channels == 1 and function in ONLY_OF_COLOUR)
    np.testing.assert_array_equal(pixels, before)
    np.testing.assert_array_equal(first, function(pixels, np.random.default_rng(4)))


@pytest.mark.parametrize(
    "function", [f for f in FUNCTIONS if f not in (flip, grey)], ids=lambda function: function.__name__
)
def test_seeds_differ(function):
    pixels = _picture(3)
    assert not np.array_equal(function(pixels, np.random.default_rng(1)), function(pixels, np.random.default_rng(2)))


def test_flip_twice_is_nothing():
    pixels, rng = _picture(3), np.random.default_rng(0)
    np.testing.assert_array_equal(flip(flip(pixels, rng), rng), pixels)


def test_jpeg_keeps_the_colour_order():
    red = np.zeros((16, 16, 3), np.uint8)
    red[:, :, 0] = 200
    mean = jpeg(red, np.random.default_rng(0)).mean(axis=(0, 1))
    assert mean[0] > 180
    assert mean[2] < 20


def test_colour_reaches_as_far_as_it_says():
    red, green, blue = np.mgrid[60:180:40, 60:180:40, 60:180:40].reshape(3, -1)
    pixels = np.stack([red, green, blue], axis=-1).astype(np.uint8)[None].repeat(27, axis=0)
    luma = pixels @ np.array([0.299, 0.587, 0.114])
    for seed in range(20):
        rng = np.random.default_rng(seed)
        made = colour(pixels, rng)
        rng = np.random.default_rng(seed)
        gain = np.array([rng.uniform(0.85, 1.15), 1, rng.uniform(0.85, 1.15)])
        saturation = rng.uniform(0.5, 1.4)
        expected = np.clip((luma[..., None] + saturation * (pixels - luma[..., None])) * gain, 0, 255)
        assert np.abs(made - expected).max() <= 1


def test_grey_keeps_the_luma_in_three_equal_channels():
    pixels = _picture(3)
    made = grey(pixels, np.random.default_rng(0))
    assert (made == made[:, :, :1]).all()
    assert np.abs(made[:, :, 0] - pixels @ np.array([0.299, 0.587, 0.114])).max() <= 1


@pytest.mark.parametrize("channels", [1, 3])
def test_noise_is_normal_and_of_the_size_it_says(channels):
    middle = np.full((112, 112, channels), 128, np.uint8)
    made = [noise(middle, np.random.default_rng(seed)).astype(float) - 128 for seed in range(30)]
    spread = [values.std() for values in made]
    assert min(spread) > 1.9
    assert max(spread) < 12.3
    assert max(abs(values.mean()) for values in made) < 0.5
    assert abs(np.corrcoef(made[0].ravel(), made[1].ravel())[0, 1]) < 0.05


def test_shade_and_background_keep_the_range():
    for level in (0, 255):
        pixels = np.full((48, 48, 3), level, np.uint8)
        made = [shade(pixels, np.random.default_rng(seed)) for seed in range(20)]
        assert (np.stack(made) == 0).all() if level == 0 else (np.stack(made).max() == 255)
        for seed in range(20):
            middle = background(pixels, np.random.default_rng(seed))[26:32, 22:26]
            assert np.abs(middle.astype(int) - level).max() <= 2


def test_nothing_is_done_with_probability_zero():
    off = dataclasses.replace(
        AugmentConfig(),
        **{field.name: 0.0 for field in dataclasses.fields(AugmentConfig)},
    )
    pixels = _picture(1)
    np.testing.assert_array_equal(augment(pixels, off, np.random.default_rng(0)), pixels)


def test_augment_is_seeded_and_varied():
    pixels = _picture(1)
    made = [augment(pixels, AugmentConfig(), np.random.default_rng(seed)).tobytes() for seed in range(20)]
    assert made == [augment(pixels, AugmentConfig(), np.random.default_rng(seed)).tobytes() for seed in range(20)]
    assert len(set(made)) > 15
