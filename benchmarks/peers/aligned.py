"""YuNet, five-point alignment and any embedding file: the usual pipeline around a ``.tflite`` or ``.onnx`` network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from benchmarks.peers.protocol import ALIGN, DETECT, EMBED, Peer, Pipeline, Stopwatch
from edge_runtime.errors import DataError, UsageError

Network: TypeAlias = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]

# The five ArcFace points at 112×112 (Deng et al. 2019, arXiv:1801.07698): eyes, nose, mouth corners.
_ARCFACE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)
# As shares of the side. "wide" is the same face at 70 % of the size, with the whole head in the crop.
TEMPLATES = {"arcface": _ARCFACE / 112, "wide": 0.5 + 0.7 * (_ARCFACE / 112 - (0.5, 0.643)) + (0.0, 0.03)}
COLOURS = ("rgb", "bgr")
# Of OpenCV's own example of FaceDetectorYN.
_SCORE, _OVERLAP, _MOST = 0.6, 0.3, 5000
# What YuNet sees of a frame in the file peers: at 320 pixels it costs a quarter, and finds faces as large as these.
_LONGER_PX = 320
LITERT = ("ai-edge-litert==2.3.0", "numpy==2.4.6", "opencv-python-headless==4.14.0.94")
ONNX = ("onnxruntime==1.32.0", "numpy==2.4.6", "opencv-python-headless==4.14.0.94")


class AlignedFile:
    """A detector that is YuNet, a crop by its five points, and a network of a file."""

    def __init__(self, yunet: Path, network: Path, *, template: str, mean: float, scale: float, colour: str) -> None:
        """Load both files.

        Args:
            yunet: YuNet's ONNX file.
            network: A ``.tflite`` or ``.onnx`` file that takes one square picture.
            template: One of :data:`TEMPLATES`.
            mean: Is subtracted from the pixels,
            scale: which are divided by this.
            colour: Order of the network's channels.

        Raises:
            UsageError: A setting is none of those.
            DataError: A file is of another kind.
        """
        if template not in TEMPLATES or colour not in COLOURS or not scale:
            raise UsageError(
                f"template is one of {', '.join(TEMPLATES)}, colour one of {', '.join(COLOURS)}, scale is not 0; "
                f"not {template!r}, {colour!r}, {scale}."
            )
        self._cv2 = open_cv()
        self._detect = yunet_faces(self._cv2, yunet, longer_px=_LONGER_PX)
        self._network, side = load_network(network)
        self._size = (side, side)
        self._target = (TEMPLATES[template] * side).astype(np.float32)
        self._mean, self._scale, self._rgb = np.float32(mean), np.float32(scale), colour == "rgb"

    def embed(self, frame_bgr: npt.NDArray[np.uint8], watch: Stopwatch) -> npt.NDArray[np.float32] | None:
        """See :class:`~benchmarks.peers.protocol.Pipeline`."""
        from edge_runtime.faces.align import similarity_transform

        cv2 = self._cv2
        face = self._detect(frame_bgr)
        watch.lap(DETECT)
        if face is None:
            return None
        matrix = similarity_transform(face[4:14].reshape(5, 2), self._target)
        crop = cv2.warpAffine(frame_bgr, matrix, self._size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        watch.lap(ALIGN)
        pixels = (np.asarray(crop[..., ::-1] if self._rgb else crop, np.float32) - self._mean) / self._scale
        vector = self._network(pixels)
        watch.lap(EMBED)
        return vector


def aligned_pipeline(weights: Mapping[str, Path], settings: Mapping[str, Any]) -> Pipeline:
    """``load`` of a peer whose files are ``yunet`` and one more."""
    (network,) = (path for name, path in weights.items() if name != "yunet")
    return AlignedFile(weights["yunet"], network, **settings)


def file_peer(
    *, name: str, title: str, network: str, licence: str, runtime: tuple[str, ...], settings: Mapping[str, Any],
    module: str = "",
) -> Peer:  # fmt: skip
    """A peer that is one embedding file in the usual pipeline.

    Args:
        name: See :class:`~benchmarks.peers.protocol.Peer`; so are title, licence, settings and module.
        title: See there.
        network: Name of the file among the weights.
        licence: See there.
        runtime: :data:`LITERT` or :data:`ONNX`.
        settings: Template, mean, scale and colour of :class:`AlignedFile`.
        module: See there.
    """
    used = "LiteRT" if runtime is LITERT else "onnxruntime"
    return Peer(
        name=name,
        title=title,
        parts=f"YuNet at {_LONGER_PX} px in OpenCV, five points to the template {settings['template']}, {network} in "
        f"{used}, cosine",
        licence=licence,
        requirements=runtime,
        weights=("yunet", network),
        load=aligned_pipeline,
        settings=settings,
        module=module,
    )


def open_cv() -> Any:
    """OpenCV on one thread."""
    cv2 = import_module("cv2")
    cv2.setNumThreads(1)
    return cv2


def yunet_faces(
    cv2: Any, path: Path, *, longer_px: int | None = None
) -> Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32] | None]:
    """A function that gives YuNet's row (box, five points, score) of the largest face in a frame, or None.

    Args:
        cv2: OpenCV.
        path: YuNet's file.
        longer_px: Frames are reduced until their longer side has this; None: they are taken as they are.

    Raises:
        DataError: It is no YuNet.
    """
    try:
        detector = cv2.FaceDetectorYN.create(str(path), "", (640, 480), _SCORE, _OVERLAP, _MOST)
    except cv2.error as error:
        raise DataError(f"OpenCV cannot load {path} as YuNet: {' '.join(str(error).split())[:200]}") from error

    def find(frame_bgr: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32] | None:
        height, width = frame_bgr.shape[:2]
        shrink = 1.0 if longer_px is None else max(1.0, max(height, width) / longer_px)
        size = (round(width / shrink), round(height / shrink))
        small = frame_bgr if shrink == 1 else cv2.resize(frame_bgr, size, interpolation=cv2.INTER_AREA)
        detector.setInputSize(size)
        _, faces = detector.detect(small)
        if faces is None:
            return None
        row = max(faces, key=lambda row: row[2] * row[3])
        return np.asarray(np.append(row[:14] * np.float32(shrink), row[14:]), dtype=np.float32)

    return find


def load_network(path: Path) -> tuple[Network, int]:
    """A network of a file, from float32 pixels of shape (side, side, 3) to a vector; and the side.

    Raises:
        DataError: The file is of another kind, or takes something else than one square picture.
    """
    loaders = {".tflite": _load_tflite, ".onnx": _load_onnx}
    if path.suffix not in loaders:
        raise DataError(f"{path} is no {' or '.join(loaders)} file.")
    try:
        return loaders[path.suffix](path)
    except (RuntimeError, ValueError, TypeError) as error:
        raise DataError(f"{path} cannot be loaded: {' '.join(str(error).split())[:200]}") from error
    except Exception as error:
        # onnxruntime has exceptions of its own, of no common class but this.
        if type(error).__module__.startswith("onnxruntime"):
            raise DataError(f"{path} cannot be loaded: {' '.join(str(error).split())[:200]}") from error
        raise


def _load_tflite(path: Path) -> tuple[Network, int]:
    interpreter = import_module("ai_edge_litert.interpreter").Interpreter(model_path=str(path), num_threads=1)
    (into,) = interpreter.get_input_details()
    side = _side_of(path, into["shape"][1:], last=True)
    if into["dtype"] is not np.float32:
        raise DataError(f"{path} takes {into['dtype'].__name__}; float32 is needed.")
    if into["shape"][0] != 1:
        raise DataError(f"{path} takes {into['shape'][0]} pictures at a time; one is needed.")
    interpreter.allocate_tensors()
    out = interpreter.get_output_details()[0]["index"]

    def run(pixels: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        interpreter.set_tensor(into["index"], pixels[np.newaxis])
        interpreter.invoke()
        return np.asarray(interpreter.get_tensor(out), dtype=np.float32).ravel()

    return run, side


def _load_onnx(path: Path) -> tuple[Network, int]:
    onnxruntime = import_module("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    (into,) = session.get_inputs()
    side = _side_of(path, into.shape[1:], last=False)

    def run(pixels: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        planes = np.ascontiguousarray(pixels.transpose(2, 0, 1))[np.newaxis]
        return np.asarray(session.run(None, {into.name: planes})[0], dtype=np.float32).ravel()

    return run, side


def _side_of(path: Path, shape: Any, *, last: bool) -> int:
    shape = [int(side) if str(side).isdigit() else side for side in shape]
    sides, channels = (shape[:2], shape[2:]) if last else (shape[1:], shape[:1])
    if len(sides) != 2 or sides[0] != sides[1] or channels != [3]:
        raise DataError(f"{path} takes {shape}; one square picture of three channels is needed.")
    return int(sides[0])
