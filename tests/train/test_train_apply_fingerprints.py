import cv2
import numpy as np
import pytest

from edge_runtime.errors import UsageError
from edge_runtime.images import read_image
from train.data.fingerprints import near_pairs, perceptual_hash, perceptual_hashes


def _bits(first, second):
    return (int(first) ^ int(second)).bit_count()


@pytest.fixture(scope="module")
def photographs(att_faces):
    return [read_image(att_faces / f"s{person}" / "1.pgm") for person in range(1, 21)]


def test_a_copy_of_another_quality_or_size_keeps_its_hash(photographs):
    for photograph in photographs:
        done, data = cv2.imencode(".jpg", photograph, [cv2.IMWRITE_JPEG_QUALITY, 50])
        assert done
        jpeg = cv2.imdecode(data, cv2.IMREAD_COLOR)
        half = cv2.resize(photograph, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        hashes = perceptual_hashes([photograph, jpeg, half, photograph[:, :, :1], photograph[:, :, 0]])
        assert hashes.dtype == np.uint64
        assert all(_bits(hashes[0], other) <= 4 for other in hashes[1:])


def test_photographs_of_different_people_differ(photographs):
    found = near_pairs(perceptual_hashes(photographs), 64)
    assert len(found) == 190
    assert min(distance for _, _, distance in found) >= 8


def test_near_pairs_against_a_loop():
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2**64, 1500, dtype=np.uint64)
    for row in range(0, 1500, 7):
        hashes[row] = hashes[rng.integers(0, 1500)] ^ np.uint64(1 << int(rng.integers(0, 64)))
    values = hashes.tolist()
    for limit in (0, 2, 14):
        expected = [
            (i, j, _bits(values[i], values[j]))
            for i in range(1500)
            for j in range(i + 1, 1500)
            if _bits(values[i], values[j]) <= limit
        ]
        assert near_pairs(hashes, limit) == expected
        assert limit == 0 or expected


def test_flat_pictures_have_hash_zero_and_none_has_no_pairs():
    assert [perceptual_hash(np.full((40, 30), grey, np.uint8)) for grey in (0, 77, 255)] == [0, 0, 0]
    assert near_pairs(perceptual_hashes([]), 6) == []


@pytest.mark.parametrize("shape", [(4,), (0, 3), (4, 4, 2), (1, 4, 4, 3)])
def test_what_is_no_picture(shape):
    with pytest.raises(UsageError, match="a picture is uint8"):
        perceptual_hash(np.zeros(shape, np.uint8))


def test_a_limit_out_of_range():
    with pytest.raises(UsageError, match="0 to 64"):
        near_pairs(np.zeros(2, np.uint64), 65)
