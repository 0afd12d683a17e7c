import dataclasses

import numpy as np
import pytest

from train.batches.augment import (
    affine,
    augment,
    background,
    blur,
    flip,
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


FUNCTIONS = [flip, _affine, turn, light, shade, blur, low_resolution, noise, jpeg, occlude, background]


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
    assert not np.array_equal(first, pixels)
    np.testing.assert_array_equal(pixels, before)
    np.testing.assert_array_equal(first, function(pixels, np.random.default_rng(4)))


@pytest.mark.parametrize("function", [f for f in FUNCTIONS if f is not flip], ids=lambda function: function.__name__)
def test_seeds_differ(function):
    pixels = _picture(1)
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
