"""dlib's numbers, texts and tensors: what a writer wrote is read, and nothing else is."""

import dlib_writer as writer
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from edge_runtime.errors import DataError
from train.dlib_files.stream import DlibStream

READERS = ("integer", "number", "boolean", "text", "tensor", "alias")


def stream(data: bytes) -> DlibStream:
    return DlibStream(data, name="x.dat")


def read(data: bytes, kind: str, *arguments):
    """Read one value that must be all there is."""
    held = stream(data)
    value = getattr(held, kind)(*arguments)
    held.end()
    return value


@given(st.integers(-(1 << 63) + 1, (1 << 63) - 1))
def test_integers(value):
    assert read(writer.integer(value), "integer") == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers(value):
    assert read(writer.number(value), "number") == value


@given(st.text(st.characters(max_codepoint=127), max_size=200))
def test_texts(value):
    assert read(writer.text(value), "text") == value


@given(st.booleans())
def test_booleans(value):
    assert read(writer.boolean(value), "boolean") is value


@given(
    arrays.arrays(
        np.float32, arrays.array_shapes(min_dims=4, max_dims=4, max_side=4), elements=st.floats(-9, 9, width=32)
    )
)
def test_tensors(values):
    np.testing.assert_array_equal(read(writer.tensor(values), "tensor"), values)


@given(
    arrays.arrays(np.float64, arrays.array_shapes(min_dims=2, max_dims=2, max_side=5), elements=st.floats(-1e9, 1e9))
)
def test_matrices_also_with_their_sizes_negated(values):
    rows, columns = values.shape
    body = b"".join(writer.number(float(value)) for value in values.ravel())
    for sign in (1, -1):
        head = writer.integer(sign * rows) + writer.integer(sign * columns)
        np.testing.assert_array_equal(read(head + body, "matrix", 100), values)
    with pytest.raises(DataError, match=r"a matrix of 11×11"):
        stream(writer.integer(-11) + writer.integer(-11) + body).matrix(100)


def test_what_a_real_file_holds():
    """The threshold of a face network as dlib wrote it."""
    assert read(bytes.fromhex("030ad7a3811c"), "number") == np.float32(0.04)
    assert read(bytes.fromhex("01058101"), "number") == 2.5
    assert read(bytes.fromhex("010d6c6f73735f6d65747269635f32"), "text") == "loss_metric_2"


@given(st.binary(max_size=60), st.sampled_from(READERS))
def test_any_bytes_are_read_or_refused(data, kind):
    held = stream(data)
    said = ""
    try:
        getattr(held, kind)()
    except DataError as error:
        said = str(error)
    assert not said or said.startswith("x.dat is damaged")
    assert "\n" not in said
    assert held.place <= len(data)


@pytest.mark.parametrize("kind", READERS)
def test_a_value_that_is_cut_short_is_refused(kind):
    whole = {
        "integer": writer.integer(-70000),
        "number": writer.number(0.1),
        "boolean": b"1",
        "text": writer.text("relu_"),
        "tensor": writer.tensor(np.ones((1, 2, 3, 4))),
        "alias": writer.alias(1, 2, 3, 4),
    }[kind]
    read(whole, kind)
    for length in range(len(whole)):
        with pytest.raises(DataError, match="ends too early"):
            read(whole[:length], kind)
    with pytest.raises(DataError, match="more follows"):
        read(whole + b"1", kind)


@pytest.mark.parametrize(
    ("data", "kind", "words"),
    [
        (b"\x11\x01", "integer", "no integer"),
        (b"\x00", "integer", "no integer"),
        (b"\x09" + b"\1" * 9, "integer", "no integer"),
        (writer.integer(1) + writer.integer(32000), "number", "not finite"),
        (writer.integer(1 << 60) + writer.integer(1000), "number", "not finite"),
        (b"2", "boolean", "neither true nor false"),
        (writer.integer(-1), "text", "the number -1"),
        (writer.integer(1 << 40), "text", "are possible"),
        (writer.integer(1) + b"\xff", "text", "not ASCII"),
        (writer.integer(1) + writer.integer(0) * 4, "tensor", "1 where 2 is known"),
        (writer.integer(2) + writer.integer(1 << 40) * 4, "tensor", "are possible"),
        (writer.integer(2) + writer.integer(20) * 4 + bytes(20), "tensor", "too early"),
        (writer.tensor(np.array([1.0, np.nan])), "tensor", "not finite"),
    ],
)
def test_what_cannot_be_is_refused(data, kind, words):
    with pytest.raises(DataError, match=words):
        read(data, kind)


def test_versions():
    assert stream(writer.text("con_5")).version("con_4", "con_5") == "con_5"
    assert stream(writer.integer(3)).version(3) == 3
    with pytest.raises(DataError, match="'bn_con2' where 'affine_' is known"):
        stream(writer.text("bn_con2")).version("affine_")
