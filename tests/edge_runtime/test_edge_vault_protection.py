"""Revocable templates: the same decisions with and without protection, and nothing for a thief."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from edge_helpers import LAW, unit
from hypothesis import given
from hypothesis import strategies as st
from vault_helpers import SPACE, assert_holds, keyed, made

from edge_runtime.gallery.match import Enrolled, person_similarities
from edge_runtime.gallery.protection import UNROTATED, rotation_from_seed
from edge_runtime.gallery.rewriting import rekey
from edge_runtime.gallery.store import Access, Gallery
from edge_runtime.images import read_image
from edge_runtime.measures.metrics import unit_rows
from edge_runtime.towers.tower import Tower

PEOPLE = {"Ann": unit(1, 2), "Ben": unit(3)}


@LAW
@given(st.binary(min_size=32, max_size=32), st.sampled_from([1, 2, 3, 64, 127, 128]))
def test_a_rotation_is_orthogonal_and_its_seed_s_alone(seed: bytes, length: int) -> None:
    matrix = rotation_from_seed(seed, length).matrix
    assert matrix is not None
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(length), atol=2e-6)
    again, other = rotation_from_seed(seed, length).matrix, rotation_from_seed(bytes(31) + b"\x07", length).matrix
    assert again is not None
    assert other is not None
    np.testing.assert_array_equal(matrix, again)
    assert length < 3 or seed == bytes(31) + b"\x07" or np.abs(matrix - other).max() > 1e-3


def test_rotations_are_drawn_evenly() -> None:
    # The entries of a Haar-distributed matrix have mean 0 and variance 1 / d, with no column or row preferred.
    drawn = np.stack([rotation_from_seed(n.to_bytes(32, "big"), 8).matrix for n in range(2000)])
    assert np.abs(drawn.mean(axis=0)).max() < 0.05
    np.testing.assert_allclose(drawn.var(axis=0), 1 / 8, atol=0.02)
    assert abs(float(np.sign(np.linalg.det(drawn.astype(float))).mean())) < 0.1


def test_a_rotation_is_this_one_everywhere() -> None:
    # Galleries outlive machines and versions of numpy: whoever changes the stream makes every gallery unreadable.
    matrix = rotation_from_seed(bytes(range(32)), 128).matrix
    assert matrix is not None
    np.testing.assert_allclose(matrix[0, :4], [-0.05621472, -0.11688611, -0.0173423, 0.02103174], atol=1e-6)


def test_decisions_are_the_same_with_and_without(att_faces: Path, tower: Tower, tmp_path: Path) -> None:
    crops = np.stack([_crop(p, tower.spec.size_px) for p in sorted(att_faces.glob("s*/*.pgm"))])
    rows = tower.embed(crops)
    with Gallery.open(tmp_path / "g.db", tower, create=True) as gallery:
        rotation = gallery.rotation
    plain, protected = rows @ rows.T, rotation.apply(rows) @ rotation.apply(rows).T
    assert plain.size >= 100_000
    assert np.abs(plain - protected).max() < 1e-5
    for threshold in (0.3, 0.5, 0.6, 0.8, 0.9):
        assert 0 < np.count_nonzero(plain >= threshold) < plain.size
        np.testing.assert_array_equal(plain >= threshold, protected >= threshold)


def _crop(path: Path, size_px: int) -> np.ndarray:
    import cv2

    return cv2.resize(read_image(path), (size_px, size_px), interpolation=cv2.INTER_AREA)


def test_people_are_alike_by_the_same_in_every_gallery(tmp_path: Path) -> None:
    probe = unit(7)[0].embedding
    alike = []
    for name, access in (("a", keyed(tmp_path)), ("b", Access(protection="none"))):
        with Gallery.open(made(tmp_path / name, PEOPLE, access), SPACE, access=access) as gallery:
            alike.append(person_similarities(gallery.rotation.apply(probe), Enrolled.of(gallery.templates())))
            assert (gallery.rotation is UNROTATED) == (gallery.protection == "none")
    np.testing.assert_allclose(alike[0], alike[1], atol=1e-5)


def test_a_stolen_copy_is_unlinkable_and_worthless_after_rekey(tmp_path: Path) -> None:
    access = keyed(tmp_path)
    path = made(tmp_path / "g.db", PEOPLE, access)
    with Gallery.open(path, access=access) as gallery:
        before, old = gallery.templates()["Ann"].copy(), gallery.rotation
        assert rekey(gallery) == 2
        after = gallery.templates()["Ann"]
        probe = gallery.rotation.apply(PEOPLE["Ann"][0].embedding)
    # The same person in the old and the new gallery are no more alike than strangers.
    assert np.abs(np.sum(before * after, axis=1)).max() < 0.5
    assert abs(float(before[0] @ probe)) < 0.5
    np.testing.assert_allclose(after[0] @ probe, 1, atol=1e-5)
    np.testing.assert_allclose(old.undo(before)[0], PEOPLE["Ann"][0].embedding, atol=1e-6)
    assert_holds(path, PEOPLE, access)


def test_many_rekeys_wear_nothing_out(tmp_path: Path) -> None:
    access = keyed(tmp_path)
    path = made(tmp_path / "g.db", PEOPLE, access)
    with Gallery.open(path, access=access) as gallery:
        for _ in range(30):
            rekey(gallery)
    with Gallery.open(path, access=access) as gallery:
        for name, rows in gallery.templates().items():
            cosines = np.sum(gallery.rotation.undo(rows) * [t.embedding for t in PEOPLE[name]], axis=1)
            assert cosines.min() > 1 - 1e-5


def test_rotated_rows_keep_their_length(tmp_path: Path) -> None:
    rows = unit_rows(np.random.default_rng(0).normal(size=(1000, 128)))
    turned = rotation_from_seed(b"s" * 32, 128).apply(rows)
    np.testing.assert_allclose(np.linalg.norm(turned, axis=1), 1, atol=1e-6)
    assert turned.dtype == np.float32
