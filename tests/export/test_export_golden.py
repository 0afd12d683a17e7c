from __future__ import annotations

import itertools

import numpy as np
import pytest

from export.delivery.golden import COUNT, golden_crops


@pytest.mark.parametrize("size_px", [16, 48, 112, 160])
def test_golden_crops_are_fixed_different_and_full_of_structure(size_px: int) -> None:
    crops = golden_crops(size_px)
    assert crops.shape == (COUNT, size_px, size_px, 3)
    assert crops.dtype == np.uint8
    np.testing.assert_array_equal(crops, golden_crops(size_px))
    assert all(crop.std() > 15 for crop in crops)
    for first, second in itertools.combinations(crops.astype(int), 2):
        assert np.abs(first - second).mean() > 5
