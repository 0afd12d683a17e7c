"""Accuracy by both rules, the page, the picture, and models of TensorFlow.js."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.peers.__main__ import RESULT, make_parser
from benchmarks.peers.device import describe_device, processor_flags
from benchmarks.peers.figures import accuracy, latency, pair_scores_of
from benchmarks.peers.page import plot, section
from benchmarks.peers.protocol import COSINE, EUCLIDEAN, STAGES, known_peers
from edge_runtime.commands.console import run_command
from edge_runtime.errors import DataError
from edge_runtime.files import read_json

_WHOSE = np.repeat(np.arange(4), 3)


@pytest.fixture(scope="module")
def result() -> dict[str, Any]:
    return read_json(RESULT, what="the result")


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([COSINE, EUCLIDEAN]))
def test_scores_are_those_of_a_plain_loop(seed: int, metric: str) -> None:
    rows = np.random.default_rng(seed).normal(size=(12, 5))
    scores = pair_scores_of(rows, _WHOSE, metric=metric)
    genuine, impostor = list[float](), list[float]()
    for first in range(12):
        for second in range(first + 1, 12):
            one, two = rows[first], rows[second]
            cosine = one @ two / np.linalg.norm(one) / np.linalg.norm(two)
            score = cosine if metric == COSINE else -np.linalg.norm(one - two)
            (genuine if _WHOSE[first] == _WHOSE[second] else impostor).append(float(score))
    np.testing.assert_allclose(np.sort(scores.genuine), np.sort(genuine), atol=1e-7)
    np.testing.assert_allclose(np.sort(scores.impostor), np.sort(impostor), atol=1e-7)


def _vectors(lost: tuple[int, ...] = ()) -> list[Any]:
    """Vectors that tell people apart without an error."""
    rows = np.eye(40, dtype=np.float32)[np.repeat(np.arange(40), 3)]
    return [None if at in lost else row for at, row in enumerate(rows)]


def test_a_face_that_is_not_found_counts_by_both_rules() -> None:
    whose = np.repeat(np.arange(40), 3)
    held = accuracy(_vectors((0, 3)), whose, metric=COSINE)
    assert held["not_found"] == 2
    assert held["found"]["genuine_pairs"] == 120 - 4
    assert held["found"]["tar_at_far"]["0.01"]["tar"] == 1
    assert held["all"]["genuine_pairs"] == 120
    assert held["all"]["impostor_pairs"] == 120 * 119 // 2 - 120
    assert held["all"]["tar_at_far"]["0.01"]["accepted"] == 116
    assert held["all"]["tar_at_far"]["0.01"]["tar"] == pytest.approx(116 / 120)
    assert held["all"]["auc"] < held["found"]["auc"] == 1


def test_too_few_pairs_or_faces() -> None:
    few = accuracy(_vectors()[:12], _WHOSE, metric=EUCLIDEAN)
    assert few["found"]["tar_at_far"]["0.001"] is None
    with pytest.raises(DataError, match="none was found"):
        accuracy([None] * 12, _WHOSE, metric=COSINE)
    with pytest.raises(DataError, match="too few faces"):
        accuracy([*_vectors()[:1], *[None] * 11], _WHOSE, metric=COSINE)


def test_latency_adds_up() -> None:
    rows = [dict.fromkeys(STAGES, float(value)) for value in range(1, 4)]
    held = latency(rows, rows)
    assert held["frames"] == 3
    assert held["cpu_ms"]["total"]["median"] == 6
    with pytest.raises(DataError, match="nothing to time"):
        latency([], [])


def test_the_device_says_whether_it_has_int8_dot_products(tmp_path: Path) -> None:
    said = describe_device()
    assert ("without VNNI" in said) is not ({"avx_vnni", "avx512_vnni", "asimddp", "i8mm"} & processor_flags() != set())
    listed = tmp_path / "cpuinfo"
    listed.write_text("processor : 0\nflags : fpu avx2 avx512_vnni\n")
    assert processor_flags(listed) == {"fpu", "avx2", "avx512_vnni"}
    assert processor_flags(tmp_path / "none") == set()


def test_the_page_names_every_system_and_what_was_not_measured(result: dict[str, Any]) -> None:
    page = section(result)
    assert page.startswith("## ")
    assert all(line.startswith("### ") for line in page.splitlines()[1:] if line.startswith("#"))
    names = {about["name"] for about in result["peers"]} | {absent["name"] for absent in result["absent"]}
    assert names == set(known_peers())
    for about in result["peers"]:
        assert f"| {about['title']} |" in page
    for absent in result["absent"]:
        assert f"| {absent['title']} | not measured |" in page
        assert absent["command"] in page
    for people in result["sets"]:
        assert f"### {people['label']}" in page


def test_the_recorded_commands_can_be_read(result: dict[str, Any]) -> None:
    for people in result["sets"]:
        words = people["command"].split()
        assert words[:3] == ["python", "-m", "benchmarks.peers"]
        make_parser().parse_args(words[3:])


def test_another_result_is_refused() -> None:
    with pytest.raises(DataError, match="no result of"):
        section({"peers": []})


def test_the_command_prints_the_page_and_draws_the_picture(
    result: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "peers.png"
    assert run_command(make_parser(), ["--page", "--plot", str(picture)]) == 0
    assert capsys.readouterr().out == section(result)
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert plot(result, picture) == picture


def test_a_file_for_two_pictures_is_made_to_take_one(tmp_path: Path) -> None:
    import tensorflow as tf

    from benchmarks.peers.aligned import load_network
    from benchmarks.peers.single import one_picture

    kernel = tf.constant(np.random.default_rng(4).normal(size=(2, 2, 3, 5)).astype(np.float32))

    @tf.function(input_signature=[tf.TensorSpec((2, 4, 4, 3), tf.float32)])  # type: ignore[untyped-decorator]
    def network(pixels: Any) -> Any:
        return tf.reshape(tf.nn.relu(tf.nn.conv2d(pixels, kernel, 2, "VALID")), (2, 20))

    both = tf.lite.TFLiteConverter.from_concrete_functions([network.get_concrete_function()]).convert()
    path = tmp_path / "made.tflite"
    path.write_bytes(both)
    with pytest.raises(DataError, match="takes 2 pictures at a time"):
        load_network(path)
    path.write_bytes(one_picture(both))
    run, _ = load_network(path)
    pixels = np.random.default_rng(5).normal(size=(2, 4, 4, 3)).astype(np.float32)
    for picture, wanted in zip(pixels, np.asarray(network(pixels)), strict=True):
        np.testing.assert_allclose(run(picture), wanted, atol=1e-5)
    with pytest.raises(DataError, match="no TFLite file"):
        one_picture(b"no network")


def _node(name: str, op: str, inputs: list[str], **attributes: Any) -> dict[str, Any]:
    return {"name": name, "op": op, "input": inputs, "attr": {"T": {"type": "DT_FLOAT"}, **attributes}}


def _graph(fused: list[str]) -> bytes:
    strides = {"list": {"i": ["1", "1", "1", "1"]}}
    texts = [base64.b64encode(text.encode()).decode() for text in fused]
    convolution = _node(
        "conv", "_FusedConv2D", ["x", "w", "b"], strides=strides, padding={"s": base64.b64encode(b"VALID").decode()},
        fused_ops={"list": {"s": texts}}, num_args={"i": "1"},
    )  # fmt: skip
    constants: list[dict[str, Any]] = [{"name": name, "op": "Const", "attr": {}} for name in ("w", "b")]
    weights = [
        {"name": "w", "shape": [1, 1, 3, 2], "dtype": "float32"},
        {"name": "b", "shape": [2], "dtype": "float32"},
    ]
    nodes = [{"name": "x", "op": "Placeholder", "attr": {}}, *constants, convolution]
    return json.dumps({"modelTopology": {"node": nodes}, "weightsManifest": [{"weights": weights}]}).encode()


def test_a_tensorflow_js_model_gives_what_its_weights_say(tmp_path: Path) -> None:
    from benchmarks.peers.aligned import load_network
    from benchmarks.peers.tfjs import convert_graph_model

    rng = np.random.default_rng(3)
    weights, bias = rng.normal(size=(3, 2)).astype(np.float32), np.array([0.5, -0.5], dtype=np.float32)
    data = weights.tobytes() + bias.tobytes()
    path = tmp_path / "made.tflite"
    path.write_bytes(convert_graph_model(_graph(["BiasAdd", "Relu"]), data, output="conv", side_px=4))
    run, side = load_network(path)
    pixels = rng.normal(size=(4, 4, 3)).astype(np.float32)
    assert side == 4
    np.testing.assert_allclose(run(pixels), np.maximum(pixels @ weights + bias, 0).ravel(), atol=1e-5)
    for topology, values in ((b"{}", data), (_graph(["Elu"]), data), (_graph(["BiasAdd"]), data + b"more")):
        with pytest.raises(DataError, match=r"no TensorFlow\.js graph model"):
            convert_graph_model(topology, values, output="conv", side_px=4)
