import gzip
import struct

import cv2
import numpy as np
import pytest
from source_helpers import idx_images, idx_labels, write_idx

from edge_runtime.errors import DataError
from edge_runtime.towers.preprocess import InputSpec
from train.data.faces import load_faces
from train.data.sources.idx import open_idx
from train.data.sources.known import DEBIAN_FOLDER, keras_folder
from train.data.sources.open import needs_preparing, open_source

GREY = InputSpec(size_px=16, colour="grey")


@pytest.mark.parametrize("packed", [True, False])
def test_both_halves_of_a_folder(tmp_path, packed):
    pixels = write_idx(tmp_path, packed=packed)
    faces = load_faces(tmp_path, GREY)
    assert faces.people == ("0", "1", "2")
    assert faces.labels.tolist() == [0, 1, 2] * 5
    assert faces.halves == ("train",) * 9 + ("test",) * 6
    assert (faces.names[1], faces.names[9]) == ("1/train-00001", "0/test-00000")
    assert faces.template is None
    assert not needs_preparing(tmp_path)
    for row, picture in enumerate([*pixels["train"], *pixels["t10k"]]):
        enlarged = cv2.resize(picture, (16, 16), interpolation=cv2.INTER_LINEAR)
        np.testing.assert_array_equal(faces.pixels[row, :, :, 0], enlarged)


def test_large_pictures_are_averaged_and_colour_towers_get_three_channels(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (4, 40, 32)).astype(np.uint8)
    (tmp_path / "a-images.idx3-ubyte").write_bytes(idx_images(pixels))
    (tmp_path / "a-labels.idx1-ubyte").write_bytes(idx_labels(np.array([0, 1, 0, 1])))
    faces = load_faces(tmp_path, InputSpec(size_px=16, colour="rgb"))
    assert faces.pixels.shape == (4, 16, 16, 3)
    averaged = cv2.resize(pixels[2], (16, 16), interpolation=cv2.INTER_AREA)
    np.testing.assert_array_equal(faces.pixels[2], np.repeat(averaged[:, :, None], 3, axis=2))
    assert faces.halves is None


def test_one_file_gives_its_half_alone(tmp_path):
    write_idx(tmp_path)
    faces = load_faces(tmp_path / "t10k-images-idx3-ubyte.gz", GREY)
    assert faces.halves == ("test",) * 6
    assert load_faces(tmp_path, GREY).take(np.array([0, 14])).halves == ("train", "test")


def test_a_file_unpacked_beside_its_gz_is_read_once(tmp_path):
    write_idx(tmp_path, packed=True)
    write_idx(tmp_path, packed=False)
    assert len(open_source(tmp_path).entries) == 15


IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
BLACK = idx_images(np.zeros((9, 2, 2), np.uint8))


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        (IMAGES, struct.pack(">IIII", 2050, 9, 2, 2) + bytes(36), "its magic number is 2050, not 2051"),
        (LABELS, struct.pack(">II", 2051, 9) + bytes(9), "its magic number is 2051, not 2049"),
        (IMAGES, BLACK[:-1], "promises 36 bytes of data, there are 35"),
        (IMAGES, BLACK + b"x", "promises 36 bytes of data, there are more"),
        (IMAGES, BLACK[:6], "ends within its header"),
        (IMAGES, struct.pack(">IIII", 2051, *(1 << 31,) * 3), "its header promises 2147483648 × "),
        (IMAGES, struct.pack(">IIII", 2051, 9, 0, 2), "its header promises 9 × 0 × 2"),
        (IMAGES, idx_images(np.zeros((8, 2, 2), np.uint8)), r"has 8 pictures, .* has 9 labels"),
    ],
)
def test_damage_is_named(tmp_path, name, data, words):
    write_idx(tmp_path, packed=False, counts={"train": 9})
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError, match=words):
        load_faces(tmp_path, GREY)


@pytest.mark.parametrize("keep", [10, 60])
def test_a_gz_that_ends_too_early_is_damage(tmp_path, keep):
    write_idx(tmp_path)
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DataError, match="damaged: it ends too early"):
        load_faces(tmp_path, GREY)


def test_a_gz_that_is_none_is_damage(tmp_path):
    write_idx(tmp_path)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(b"no gzip at all")
    with pytest.raises(DataError, match=r"cannot read .*train-images-idx3-ubyte\.gz"):
        load_faces(tmp_path, GREY)
    packed = bytearray(gzip.compress(bytes(2000)))
    packed[20] ^= 0xFF
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(packed)
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte\.gz"):
        load_faces(tmp_path, GREY)


def test_labels_must_lie_beside_the_pictures(tmp_path):
    write_idx(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match=r"in train-labels-idx1-ubyte or train-labels-idx1-ubyte\.gz; neither is there"):
        open_source(tmp_path)


def test_several_sets_in_one_folder_are_refused(tmp_path):
    write_idx(tmp_path)
    for kind, data in (
        ("images-idx3", idx_images(np.zeros((2, 2, 2), np.uint8))),
        ("labels-idx1", idx_labels(np.arange(2))),
    ):
        (tmp_path / f"letters-train-{kind}-ubyte").write_bytes(data)
    with pytest.raises(DataError, match="holds several sets"):
        open_source(tmp_path)
    assert len(open_idx([tmp_path / "letters-train-images-idx3-ubyte"], "x").entries) == 2


def test_a_name_that_is_not_on_this_machine_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr("train.data.sources.known.DEBIAN_FOLDER", tmp_path / "none")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="apt-get install dataset-fashion-mnist, or once with network: python -c"):
        open_source("fashion-mnist")
    with pytest.raises(DataError, match=r"mnist is not on this machine.*keras\.datasets\.mnist\.load_data\(\)"):
        open_source("mnist")


def test_what_keras_downloaded_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr("train.data.sources.known.DEBIAN_FOLDER", tmp_path / "none")
    write_idx(keras_folder() / "fashion-mnist")
    assert len(load_faces("fashion-mnist", GREY).labels) == 15
    pixels = np.random.default_rng(1).integers(0, 256, (6, 16, 16)).astype(np.uint8)
    labels = np.array([5, 0, 4, 1, 9, 10], np.uint8)
    np.savez(keras_folder() / "mnist.npz", x_train=pixels[:4], y_train=labels[:4], x_test=pixels[4:], y_test=labels[4:])
    faces = load_faces("mnist", GREY)
    assert faces.people == ("0", "1", "4", "5", "9", "10")
    assert faces.names[:2] == ("5/train-00000", "0/train-00001")
    assert faces.halves == ("train",) * 4 + ("test",) * 2
    np.testing.assert_array_equal(faces.pixels[:, :, :, 0], pixels)


def test_an_npz_of_objects_is_refused_and_not_unpickled(tmp_path):
    path = tmp_path / "mnist.npz"
    objects = np.array([{"a": 1}], dtype=object)
    np.savez(path, x_train=objects, y_train=objects, x_test=objects, y_test=objects)
    with pytest.raises(DataError, match="allow_pickle=False"):
        open_source(path)
    np.savez(path, x_train=np.zeros((2, 4, 4), np.uint8), y_train=np.zeros(3, np.uint8))
    with pytest.raises(DataError, match="has 2 train pictures and 3 labels"):
        open_source(path)
    np.savez(path, x_train=np.zeros((2, 4, 4), np.float32), y_train=np.zeros(2, np.uint8))
    with pytest.raises(DataError, match="must be uint8 with 3 axes, not float32"):
        open_source(path)
    path.write_bytes(b"no zip")
    with pytest.raises(DataError, match="no file of pictures by Keras"):
        open_source(path)


@pytest.mark.skipif(not DEBIAN_FOLDER.is_dir(), reason="needs the Debian package dataset-fashion-mnist")
def test_the_real_fashion_mnist(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source = open_source("fashion-mnist")
    assert len(source.entries) == 70_000
    halves = [entry.half for entry in source.entries]
    assert (halves.count("train"), halves.count("test")) == (60_000, 10_000)
    faces = load_faces(DEBIAN_FOLDER / "t10k-images-idx3-ubyte.gz", InputSpec(size_px=28, colour="grey"))
    assert np.bincount(faces.labels).tolist() == [1000] * 10
    # The first test picture is an ankle boot: dark above, light below.
    assert (faces.names[0], faces.people[faces.labels[0]]) == ("9/test-00000", "9")
    assert faces.pixels[0, :7].max() == 0
    assert faces.pixels[0, 18:20].mean() > 100
