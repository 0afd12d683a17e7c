import time
from dataclasses import fields

import numpy as np
from train_helpers import tiny_config

from edge_runtime.towers.preprocess import InputSpec, normalise
from train.batches.people import people_rows
from train.batches.stream import BatchStream, make_batch
from train.config import AugmentConfig
from train.data.faces import load_faces


def _faces(folder):
    return load_faces(folder, InputSpec(size_px=16, colour="grey"))


def test_batch_is_normalised_and_labelled_by_person(tiny_faces):
    faces = _faces(tiny_faces)
    pictures, labels, rows = make_batch(faces.pixels, people_rows(faces.labels), tiny_config(), 0)
    assert pictures.shape == (6, 16, 16, 1)
    assert pictures.dtype == np.float32
    assert pictures.min() >= -1
    assert pictures.max() <= 1
    np.testing.assert_array_equal(labels, faces.labels[rows])
    assert (labels[::2] == labels[1::2]).all()
    assert len(set(labels[::2])) == 3


def test_without_augmentation_the_rows_are_the_pictures(tiny_faces):
    faces = _faces(tiny_faces)
    names = [entry.name for entry in fields(AugmentConfig) if entry.name not in ("rotate_deg", "scale", "shift")]
    config = tiny_config(*(f"augment.{name}=0" for name in names))
    pictures, labels, _ = make_batch(faces.pixels, people_rows(faces.labels), config, 3)
    known = normalise(faces.pixels, config.input)
    owners = [int(faces.labels[np.flatnonzero((known == picture).all(axis=(1, 2, 3)))[0]]) for picture in pictures]
    assert [len(set(owners[2 * person : 2 * person + 2])) for person in range(3)] == [1, 1, 1]
    assert len(set(owners)) == 3
    assert labels.shape == (6,)


def _epoch(stream, number):
    stream.begin(number)
    return [(pictures, target) for pictures, target in stream.dataset().as_numpy_iterator()]


def test_stream_resumes_with_the_batches_that_would_have_come(tiny_faces):
    faces, config = _faces(tiny_faces), tiny_config()
    teacher = np.arange(48, dtype=np.float32).reshape(24, 2)
    stream = BatchStream(faces.pixels, faces.labels, config, teacher)
    whole = [batch for epoch in range(3) for batch in _epoch(stream, epoch)]
    rest = _epoch(BatchStream(faces.pixels, faces.labels, config, teacher), 2)
    assert (len(whole), len(rest)) == (9, 3)
    for (pictures, target), (again, same) in zip(whole[6:], rest, strict=True):
        np.testing.assert_array_equal(pictures, again)
        np.testing.assert_array_equal(target["row"], same["row"])
    for _, target in whole:
        np.testing.assert_array_equal(target["label"], faces.labels[target["row"]])
        np.testing.assert_array_equal(target["teacher"], teacher[target["row"]])
    assert not np.array_equal(whole[0][0], whole[1][0])


def test_waiting_is_timed(tiny_faces, monkeypatch):
    faces, config = _faces(tiny_faces), tiny_config()
    stream = BatchStream(faces.pixels, faces.labels, config, None)

    def slow(*given, **named):
        time.sleep(0.05)
        return make_batch(*given, **named)

    monkeypatch.setattr("train.batches.stream.make_batch", slow)
    _epoch(stream, 0)
    assert 0.05 <= stream.waited_s < 5


def test_parts_are_rows_of_the_whole(tiny_faces):
    faces, config = _faces(tiny_faces), tiny_config()
    people = people_rows(faces.labels)
    whole = make_batch(faces.pixels, people, config, 4)
    parts = [make_batch(faces.pixels, people, config, 4, part=(index, 3)) for index in range(3)]
    for held, pieces in zip(whole, zip(*parts, strict=True), strict=True):
        assert np.array_equal(held, np.concatenate(pieces))


def test_endless_begins_at_a_step(tiny_faces):
    faces, config = _faces(tiny_faces), tiny_config()
    stream = BatchStream(faces.pixels, faces.labels, config, None)
    stream.begin(1)
    epoch = [target["row"].numpy() for _, target in stream.dataset()]
    steps = config.schedule.steps_per_epoch
    endless = [target["row"].numpy() for _, target in stream.endless(steps).take(steps)]
    assert np.array_equal(epoch, endless)
