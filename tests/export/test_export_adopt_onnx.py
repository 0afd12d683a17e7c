"""ONNX files by the real converter: where SIAMLITE_ONNX_PYTHON names the python of an environment that has it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from foreign_helpers import adopt, error_line

from edge_runtime.towers.tower import Tower

PYTHON = os.environ.get("SIAMLITE_ONNX_PYTHON")
pytestmark = [
    pytest.mark.skipif(PYTHON is None, reason="SIAMLITE_ONNX_PYTHON names no environment with onnx2tf"),
    pytest.mark.slow,
]
# Three strided convolutions and a projection, channels first as PyTorch exports them; written where onnx is installed.
MAKE = """
import sys
import numpy as np, onnx
from onnx import TensorProto as kinds, helper, numpy_helper
random, weights, nodes, last, depth = np.random.default_rng(0), [], [], "image", 3
for name, filters in (("a", 16), ("b", 32), ("c", 64)):
    kernel = random.normal(size=(filters, depth, 3, 3)) * np.sqrt(2 / (9 * depth))
    weights.append(numpy_helper.from_array(kernel.astype(np.float32), f"{name}/w"))
    shape = {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}
    nodes.append(helper.make_node("Conv", [last, f"{name}/w"], [f"{name}/x"], **shape))
    nodes.append(helper.make_node("Relu", [f"{name}/x"], [name]))
    last, depth = name, filters
nodes.append(helper.make_node("AveragePool", [last], ["cells"], kernel_shape=[3, 3], strides=[3, 3]))
nodes.append(helper.make_node("Flatten", ["cells"], ["flat"]))
kernel = random.normal(size=(64 * 2 * 2, 64)) / 16
weights.append(numpy_helper.from_array(kernel.astype(np.float32), "dense"))
nodes.append(helper.make_node("MatMul", ["flat", "dense"], ["embedding"]))
ends = [helper.make_tensor_value_info("image", kinds.FLOAT, [1, 3, 48, 48])]
out = [helper.make_tensor_value_info("embedding", kinds.FLOAT, [1, 64])]
graph = helper.make_graph(nodes, "net", ends, out, weights)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
model.ir_version = 8
onnx.checker.check_model(model)
onnx.save(model, sys.argv[1])
"""


def test_a_convolutional_network_becomes_a_tower(faces: Path, tmp_path: Path) -> None:
    file, out = tmp_path / "net.onnx", tmp_path / "tower.tflite"
    subprocess.run([str(PYTHON), "-c", MAKE, str(file)], check=True, capture_output=True)
    assert adopt(file, faces, out, "--converter-python", str(PYTHON)) == 0
    card = Tower.load(out).card
    assert card.training["adopted"]["kind"].startswith("onnx by onnx2tf ")
    assert (card.recipe, card.embedding_length, card.input.shape) == ("int8", 64, (48, 48, 3))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["net.onnx", "tower.tflite"]


def test_a_damaged_file_is_one_line(faces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "net.onnx").write_text("I am no network.")
    assert adopt(tmp_path / "net.onnx", faces, tmp_path / "x.tflite", "--converter-python", str(PYTHON)) == 3
    assert "onnx2tf cannot convert" in error_line(capsys)
