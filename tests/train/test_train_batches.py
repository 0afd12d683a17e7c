import itertools

import numpy as np
from train_helpers import tiny_config

from edge_runtime.preprocess import InputSpec, normalise
from train.batches.stream import batch_stream, make_batch
from train.data.faces import load_faces


def _faces(folder):
    return load_faces(folder, InputSpec(size_px=16, colour="grey"))


def test_batch_is_normalised_and_labelled_by_person(tiny_faces):
    faces = _faces(tiny_faces)
    pictures, labels = make_batch(faces.pixels, faces.labels, tiny_config(), 0)
    assert pictures.shape == (6, 16, 16, 1)
    assert pictures.dtype == np.float32
    assert pictures.min() >= -1
    assert pictures.max() <= 1
    assert labels.tolist() == [0, 0, 1, 1, 2, 2]


def test_without_augmentation_the_rows_are_the_pictures(tiny_faces):
    faces = _faces(tiny_faces)
    names = [
        "flip",
        "affine",
        "turn",
        "light",
        "shade",
        "blur",
        "low_resolution",
        "noise",
        "jpeg",
        "occlude",
        "background",
    ]
    config = tiny_config(*(f"augment.{name}=0" for name in names))
    pictures, labels = make_batch(faces.pixels, faces.labels, config, 3)
    known = normalise(faces.pixels, config.input)
    owners = [int(faces.labels[np.flatnonzero((known == picture).all(axis=(1, 2, 3)))[0]]) for picture in pictures]
    assert [len(set(owners[2 * person : 2 * person + 2])) for person in range(3)] == [1, 1, 1]
    assert len(set(owners)) == 3
    assert labels.shape == (6,)


def test_stream_resumes_with_the_batches_that_would_have_come(tiny_faces):
    faces, config = _faces(tiny_faces), tiny_config()
    whole = list(
        itertools.islice(batch_stream(faces.pixels, faces.labels, config, first_step=0).as_numpy_iterator(), 7)
    )
    rest = list(itertools.islice(batch_stream(faces.pixels, faces.labels, config, first_step=4).as_numpy_iterator(), 3))
    for (pictures, labels), (again, same) in zip(whole[4:], rest, strict=True):
        np.testing.assert_array_equal(pictures, again)
        np.testing.assert_array_equal(labels, same)
    assert not np.array_equal(whole[0][0], whole[1][0])
