"""dlib's face network: a small one from a writer of our own, so that every byte of it can be damaged."""

from dataclasses import replace

import dlib_writer as writer
import numpy as np
import pytest

from edge_runtime.errors import DataError, UsageError
from edge_runtime.towers.preprocess import InputSpec
from train.config import TowerConfig
from train.dlib_files.port import mean_descriptor, port_tower, tower_spec
from train.dlib_files.resnet import read_resnet
from train.towers.build import build_tower
from train.towers.dlib_resnet import DLIB_SHAPE, ResNetShape, Stage, build_resnet, meets_a_point, read_shape


@pytest.fixture(scope="module")
def written():
    return writer.network()


def read(data: bytes):
    return read_resnet(data, name="x.dat", shape=writer.TINY)


def test_weights_come_through_and_affine_layers_are_in_them(written):
    data, weights = written
    network = read(data)
    assert network.mean_rgb == (122.5, 117.0, 104.25)
    assert set(network.convolutions) == set(weights) - {"embedding"}
    np.testing.assert_array_equal(network.embedding, weights["embedding"][0])
    for name, convolution in network.convolutions.items():
        kernels, biases, factors, summands = (part.astype(np.float64) for part in weights[name])
        np.testing.assert_allclose(convolution.kernels, kernels * factors[:, None, None, None], rtol=1e-12)
        np.testing.assert_allclose(convolution.biases, biases * factors + summands, rtol=1e-12)


def test_the_tower_computes_what_the_layers_say(written):
    """A plain numpy network over dlib's own values, (pixel − mean) / 256."""
    data, weights = written
    network = read(data)
    pixels = np.random.default_rng(1).integers(0, 256, (2, 48, 48, 3))
    tower, spec = port_tower(network), tower_spec(network)
    found = tower.predict(pixels * np.float32(spec.scale) + np.float32(spec.offset), verbose=0)
    for picture, embedding in zip(pixels, found, strict=True):
        np.testing.assert_allclose(embedding, _embed(picture, weights), atol=2e-4 * np.abs(found).max())


@pytest.fixture(scope="module")
def pointed():
    """A network whose last map is a single point, as dlib's is at 150 px, and pictures for it."""
    shape = replace(writer.TINY, size_px=24)
    network = read_resnet(writer.network(shape)[0], name="x.dat", shape=shape)
    return network, np.random.default_rng(2).uniform(-1, 1, (8, 24, 24, 3)).astype(np.float32)


def test_a_tail_of_points_gives_what_the_whole_one_gives(pointed, monkeypatch):
    network, pictures = pointed
    less = port_tower(network)
    monkeypatch.setattr("train.dlib_files.port.meets_a_point", lambda shape: False)
    whole = port_tower(network)
    assert whole.get_layer("s1b0_conv2").kernel_size == (3, 3)
    assert whole.count_params() - less.count_params() == 8 * 4 * 6
    found, wanted = less.predict(pictures, verbose=0), whole.predict(pictures, verbose=0)
    np.testing.assert_allclose(found, wanted, atol=1e-6 * np.abs(wanted).max())


def test_a_tail_that_meets_more_than_a_point_stays_whole(written):
    assert port_tower(read(written[0])).get_layer("s1b0_conv2").kernel_size == (3, 3)
    assert meets_a_point(DLIB_SHAPE)
    assert meets_a_point(replace(DLIB_SHAPE, size_px=128))
    assert not meets_a_point(replace(DLIB_SHAPE, size_px=224))


def test_a_share_of_the_mean_is_taken_off(pointed):
    network, pictures = pointed
    plain = port_tower(network).predict(pictures, verbose=0)
    centred = port_tower(network, centre_share=0.5).predict(pictures, verbose=0)
    mean = mean_descriptor()
    assert mean.shape == (128,)
    # dlib's descriptors are some 1.4 long, and have much in common.
    assert 1 < np.linalg.norm(mean) < 1.5
    np.testing.assert_allclose(plain - centred, np.tile(0.5 * mean, (8, 1)), atol=1e-5 * np.abs(plain).max())


def test_a_shape_is_read_from_the_layers():
    stages = (Stage(stream=8, inner=(6, 3)), Stage(stream=12, inner=(8,)))
    for shape in (
        ResNetShape(size_px=48, stages=stages),
        ResNetShape(size_px=32, stages=stages, point_tail=True),
        DLIB_SHAPE,
    ):
        assert read_shape(build_resnet(shape)) == shape
    config = TowerConfig(name="plain", width=8, blocks=(1, 1), embedding_length=16)
    with pytest.raises(UsageError, match="no network of dlib's kind"):
        read_shape(build_tower(InputSpec(size_px=32, colour="rgb"), config))


def _embed(pixels, weights):
    values = ((pixels - np.array([122.5, 117.0, 104.25])) / 256).transpose(2, 0, 1)
    values = np.maximum(_convolve(values, weights["stem"], 2, 0), 0)
    values = _pool(values, 3, np.max)
    for name in ("s0b0", "s0b1"):
        values = np.maximum(values + _branch(values, weights, name, 1), 0)
    branch, halved = _branch(values, weights, "s1b0", 2), _pool(values, 2, np.mean)
    total = np.zeros((6, *halved.shape[1:]))
    total[: len(halved)] += halved
    total[:, : branch.shape[1], : branch.shape[2]] += branch
    return np.maximum(total, 0).mean(axis=(1, 2)) @ weights["embedding"][0]


def _branch(values, weights, name, stride):
    inner = np.maximum(_convolve(values, weights[f"{name}_conv1"], stride, 0 if stride == 2 else 1), 0)
    return _convolve(inner, weights[f"{name}_conv2"], 1, 1)


def _windows(values, side, stride):
    view = np.lib.stride_tricks.sliding_window_view(values, (side, side), axis=(1, 2))
    return view[:, ::stride, ::stride]


def _pool(values, side, reduce):
    return reduce(_windows(values, side, 2), axis=(3, 4))


def _convolve(values, weights, stride, padding):
    kernels, biases, factors, summands = weights
    padded = np.pad(values, ((0, 0), (padding, padding), (padding, padding)))
    out = np.einsum("cyxij,ocij->oyx", _windows(padded, kernels.shape[2], stride), kernels.astype(np.float64))
    return (out + biases[:, None, None]) * factors[:, None, None] + summands[:, None, None]


def test_a_file_that_is_cut_short_anywhere_is_refused(written):
    data, _ = written
    for length in [*range(0, len(data), 61), *range(400), *range(len(data) - 60, len(data))]:
        with pytest.raises(DataError, match=r"^x\.dat is damaged, cut short"):
            read(data[:length])
    with pytest.raises(DataError, match="more follows"):
        read(data + b"\0")


def test_damage_is_refused_or_is_in_a_weight(written):
    """Of the bytes that are not weights nearly all are checked; no damage is anything but one clear error."""
    data, _ = written
    rng, said = np.random.default_rng(2), []
    for place in range(300):
        damaged = bytearray(data)
        damaged[place] ^= 1 << int(rng.integers(8))
        try:
            read(bytes(damaged))
        except DataError as error:
            said.append(str(error))
    assert len(said) > 60
    assert not any("\n" in line for line in said)


def test_another_network_is_refused(written):
    data, _ = written
    with pytest.raises(DataError):
        read_resnet(data, name="x.dat")
    for found, wanted in ((b"loss_metric_2", b"loss_multicl2"), (b"con_4", b"con_5"), (b"fc_2", b"fc_1")):
        with pytest.raises(DataError, match="is known"):
            read(data.replace(found, wanted))
    for foreign in (b"", b"PK\3\4" + bytes(900), bytes(1000), b"\x01" * 1000, b"\xff" * 1000):
        with pytest.raises(DataError):
            read(foreign)
