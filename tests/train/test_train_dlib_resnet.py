"""dlib's face network: a small one from a writer of our own, so that every byte of it can be damaged."""

import dlib_writer as writer
import numpy as np
import pytest

from edge_runtime.errors import DataError
from train.dlib_files.port import port_tower, tower_spec
from train.dlib_files.resnet import read_resnet


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
