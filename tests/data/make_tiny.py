"""Make ``tiny.tflite``, the tower of the tests: nothing in it is trained, and no photograph is in the file.

Oriented edges, averaged over cells, seen through a random projection. Its thresholds are measured on the AT&T faces
with the real interpreter; its golden crops and its representative set are smooth noise. Run by hand, with TensorFlow:

    python -m tests.data.make_tiny
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.demo.att import PEOPLE, PICTURES_EACH, extract_att
from edge_runtime.faces.finder import FaceFinder
from edge_runtime.fetch import install_detectors
from edge_runtime.files import write_bytes
from edge_runtime.images import read_image
from edge_runtime.measures.metrics import equal_error_rate, operating_point, pair_scores
from edge_runtime.towers.bundle import Bundle, pack_bundle
from edge_runtime.towers.card import Card
from edge_runtime.towers.preprocess import InputSpec, normalise, tower_pixels
from edge_runtime.towers.tower import Embedder

HERE = Path(__file__).resolve().parent
TINY = HERE / "tiny.tflite"
SPEC = InputSpec(size_px=48, colour="grey")
DIRECTIONS, CELL_PX, LENGTH = 8, 6, 64
TARGETS = (0.001, 0.01, 0.1)


def smooth_noise(count: int, seed: int) -> npt.NDArray[np.uint8]:
    """Crops of blurred noise: uint8 of shape (count, 48, 48, 3), grey."""
    generator = np.random.default_rng(seed)
    crops = []
    for _ in range(count):
        noise = cv2.GaussianBlur(generator.normal(size=(48, 48)), (0, 0), generator.uniform(1, 4))
        grey = 128 + generator.uniform(25, 60) * (noise - noise.mean()) / noise.std()
        crops.append(np.repeat(np.clip(np.rint(grey), 0, 255).astype(np.uint8)[..., None], 3, axis=2))
    return np.stack(crops)


def edge_filters() -> npt.NDArray[np.float32]:
    """Derivatives of a Gaussian in eight directions; float32 of shape (5, 5, 1, 8)."""
    y, x = np.mgrid[-2:3, -2:3].astype(np.float64)
    filters = []
    for angle in np.arange(DIRECTIONS) * 2 * np.pi / DIRECTIONS:
        slope = (x * np.cos(angle) + y * np.sin(angle)) * np.exp(-(x**2 + y**2) / 2)
        filters.append(slope / np.abs(slope).sum())
    return np.stack(filters, axis=-1)[:, :, None].astype(np.float32)


def projection(cells: int, seed: int) -> npt.NDArray[np.float32]:
    """Orthogonal columns of mean zero; float32 of shape (cells, 64)."""
    columns = np.random.default_rng(seed).normal(size=(cells, LENGTH))
    return np.linalg.qr(columns - columns.mean(axis=0))[0].astype(np.float32)


def make_flatbuffer() -> bytes:
    """Build the graph and convert it to full int8."""
    import tensorflow as tf

    cells = DIRECTIONS * (SPEC.size_px // CELL_PX) ** 2
    kernel, matrix = tf.constant(edge_filters()), tf.constant(projection(cells, seed=7))

    @tf.function(input_signature=[tf.TensorSpec((1, *SPEC.shape), tf.float32, name="image")])
    def tower(image: Any) -> Any:
        edges = tf.nn.relu(tf.nn.conv2d(image, kernel, 1, "SAME"))
        pooled = tf.nn.avg_pool2d(edges, CELL_PX, CELL_PX, "VALID")
        return tf.matmul(tf.reshape(pooled, (1, cells)), matrix)

    def samples() -> Any:
        for crop in smooth_noise(100, seed=1):
            yield [normalise(tower_pixels(crop, SPEC), SPEC)[None]]

    converter = tf.lite.TFLiteConverter.from_concrete_functions([tower.get_concrete_function()])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = samples
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return bytes(converter.convert())


def att_crops() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Aligned crops of all AT&T faces, and whose each is."""
    att = extract_att(HERE.parents[1] / ".cache" / "att")
    finder = FaceFinder(size_px=SPEC.size_px, models=install_detectors()[0].parent)
    names = [(person, number) for person in range(1, PEOPLE + 1) for number in range(1, PICTURES_EACH + 1)]
    crops = [finder.find_one(read_image(att / f"s{p}/{n}.pgm"), name=f"s{p}/{n}").crop_rgb for p, n in names]
    return np.stack(crops), np.array([person for person, _ in names])


def main() -> None:
    """Write the tower beside this file."""
    flatbuffer = make_flatbuffer()
    embedder = Embedder(flatbuffer, SPEC, family="litert")
    crops, people = att_crops()
    scores = pair_scores(embedder.embed(crops), people)
    points = [point for target in TARGETS if (point := operating_point(scores, target)) is not None]
    golden = smooth_noise(3, seed=2)
    backend = embedder.interpreter.backend
    card = Card(
        name="tiny",
        input=SPEC,
        embedding_length=LENGTH,
        recipe="int8",
        runtime_family=backend.family,
        runtime=f"{backend.distribution} {backend.version}",
        thresholds=tuple(points),
        default_fmr=0.01,
        evaluation={"eer": round(equal_error_rate(scores)[0], 4), "data": "all pairs of the AT&T faces"},
        licence="CC0-1.0",
        limits="For tests alone: nothing in it is trained.",
    )
    embeddings = embedder.embed(golden)
    data = pack_bundle(Bundle(flatbuffer=flatbuffer, card=card, golden_crops=golden, golden_embeddings=embeddings))
    write_bytes(TINY, data)
    print(f"{TINY}: {len(data)} bytes, EER {card.evaluation['eer']}")
    for point in points:
        print(f"  FMR {point.target_fmr:g}: threshold {point.threshold:.4f}, FNMR {point.fnmr:.3f}")


if __name__ == "__main__":
    main()
