"""Laws of the way from a crop to the numbers that a tower sees, whatever its colours, range and quantization."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from edge_helpers import LAW
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.faces.align import DEFAULT_TEMPLATE, TEMPLATES, align_face
from edge_runtime.towers.preprocess import COLOURS, InputSpec, normalise, quantization_table, tower_pixels

SPECS = st.builds(
    InputSpec,
    size_px=st.integers(16, 40),
    colour=st.sampled_from(COLOURS),
    scale=st.floats(1e-4, 2),
    offset=st.floats(-300, 300),
)


@LAW
@given(spec=SPECS, seed=st.integers(0, 99))
def test_pixels_are_contiguous_and_of_the_spec_s_shape(spec: InputSpec, seed: int) -> None:
    crop = np.random.default_rng(seed).integers(0, 256, (spec.size_px, spec.size_px, 3), dtype=np.uint8)
    pixels = tower_pixels(crop, spec)
    assert (pixels.shape, pixels.dtype) == (spec.shape, np.uint8)
    assert pixels.flags.c_contiguous


@LAW
@given(size=st.integers(16, 40), seed=st.integers(0, 99))
def test_bgr_is_rgb_with_the_first_and_last_channel_exchanged(size: int, seed: int) -> None:
    crop = np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)
    kept = crop.copy()
    bgr = tower_pixels(crop, InputSpec(size_px=size, colour="bgr"))
    rgb = tower_pixels(crop, InputSpec(size_px=size, colour="rgb"))
    for first, second in ((0, 2), (1, 1), (2, 0)):
        np.testing.assert_array_equal(bgr[..., first], rgb[..., second])
    np.testing.assert_array_equal(crop, kept)


@LAW
@given(size=st.integers(16, 40), value=st.integers(0, 255))
def test_a_picture_without_colour_is_the_same_in_every_order(size: int, value: int) -> None:
    crop = np.full((size, size, 3), value, dtype=np.uint8)
    for colour in COLOURS:
        assert (tower_pixels(crop, InputSpec(size_px=size, colour=colour)) == value).all()


@LAW
@given(spec=SPECS, dtype=st.sampled_from(["int8", "uint8"]))
def test_a_quantized_pixel_is_within_half_a_step(spec: InputSpec, dtype: str) -> None:
    low, high = normalise(np.array([0, 255], dtype=np.uint8), spec).astype(np.float64)
    step = (high - low) / 255
    ends = np.iinfo(dtype)
    zero_point = round(ends.min - low / step)
    table = quantization_table(spec, step=step, zero_point=zero_point, dtype=dtype)
    assert (table.shape, table.dtype) == ((256,), dtype)
    back = (table.astype(np.float64) - zero_point) * step
    values = normalise(np.arange(256, dtype=np.uint8), spec).astype(np.float64)
    # Rounding of the zero point and of float32 both come in.
    assert np.abs(back - values).max() <= step * 1.01 + 1e-4


def test_two_colour_orders_are_two_specs() -> None:
    rgb, bgr = (InputSpec(size_px=48, colour=colour) for colour in ("rgb", "bgr"))
    assert dataclasses.asdict(rgb) != dataclasses.asdict(bgr)
    assert rgb.shape == bgr.shape == (48, 48, 3)


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=lambda template: template.name)
def test_templates_lie_in_the_crop_and_upright(template: object) -> None:
    points = np.asarray(TEMPLATES[template.name].points)  # type: ignore[attr-defined]
    assert ((points > 0.1) & (points < 0.9)).all()
    if len(points) == 5:
        right, left, nose = points[:2].mean(axis=0), points[2:4].mean(axis=0), points[4]
    else:
        left, right, nose, mouth = points
        assert nose[1] < mouth[1]
    assert left[0] < nose[0] < right[0]
    assert max(left[1], right[1]) < nose[1]


def test_the_wide_template_shows_more_around_the_same_face() -> None:
    picture = np.zeros((200, 200, 3), dtype=np.uint8)
    picture[50:150, 50:150] = 255
    landmarks = DEFAULT_TEMPLATE.pixels(100) + 50
    tight, wide = (align_face(picture, landmarks, 100, TEMPLATES[name]) for name in ("eyes-nose-mouth", "wide"))
    assert tight.mean() > 250
    assert 0.4 < wide.mean() / 255 < 0.6
