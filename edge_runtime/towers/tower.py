"""A tower that has proved itself: loaded, checked against its hashes, and run on its golden vectors."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.commands.printable import printable
from edge_runtime.errors import DataError, TowerError
from edge_runtime.files import sha256_bytes
from edge_runtime.measures.metrics import unit_rows
from edge_runtime.towers.bundle import Bundle, read_bundle
from edge_runtime.towers.card import Card
from edge_runtime.towers.interpreter import Backend, EngineOptions, Interpreter, choose_backend, dequantize
from edge_runtime.towers.preprocess import InputSpec, normalise, quantization_table, tower_pixels
from edge_runtime.towers.trust import Trust

# The self-test: how near to its golden vectors a tower must come. Full-int8 results of one family are the same bytes
# everywhere; float results differ in the last digits; another family is another space, where only nonsense is caught.
_MIN_COSINE_SAME_FAMILY = 0.999
_MIN_COSINE_OTHER_FAMILY = 0.5


class Embedder:
    """A TFLite model with its preprocessing: aligned crops in, unit embeddings out."""

    def __init__(
        self,
        flatbuffer: bytes,
        spec: InputSpec,
        *,
        threads: int = 1,
        family: str | None = None,
        options: EngineOptions | None = None,
    ) -> None:
        """Load a model.

        Args:
            flatbuffer: The model: batch 1; input and output int8, uint8 or float32.
            spec: What it takes in.
            threads: Threads to compute with.
            family: Which interpreter (see :mod:`edge_runtime.towers.backends`).
            options: How it runs the model (see :mod:`edge_runtime.towers.engines`).

        Raises:
            TowerError: The interpreter refuses it, or it does not fit its input specification.
        """
        self.spec = spec
        self.interpreter = Interpreter(flatbuffer, threads=threads, family=family, options=options)
        inputs, outputs = self.interpreter.inputs, self.interpreter.outputs
        shapes = [tensor.shape for tensor in (*inputs, *outputs)]
        if len(inputs) != 1 or len(outputs) != 1 or shapes[0] != (1, *spec.shape) or not _is_vector(shapes[1]):
            raise TowerError(f"this model is no tower for {spec.shape} inputs with batch 1: its tensors are {shapes}.")
        for end in (inputs[0], outputs[0]):
            if not (end.dtype == "float32" or (end.dtype in ("int8", "uint8") and end.step > 0)):
                raise TowerError(
                    f"a tower takes and gives float32, or int8 or uint8 with a quantization, not {inputs[0].dtype} and "
                    f"{outputs[0].dtype}."
                )
        self._table: npt.NDArray[np.int8 | np.uint8] | None = None
        if inputs[0].dtype != "float32":
            step, zero_point = inputs[0].step, inputs[0].zero_point
            self._table = quantization_table(spec, step=step, zero_point=zero_point, dtype=inputs[0].dtype)

    @property
    def embedding_length(self) -> int:
        """Length of its embeddings."""
        return self.interpreter.outputs[0].shape[-1]

    def embed_one(self, crop_rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Embed one aligned crop.

        Args:
            crop_rgb: uint8 of shape (size, size, 3), RGB.

        Returns:
            float32 of shape (d,), of length 1.

        Raises:
            UsageError: The crop has another shape or type.
            TowerError: The tower gives a zero or non-finite embedding.
        """
        pixels = tower_pixels(crop_rgb, self.spec)
        values = self._table[pixels] if self._table is not None else normalise(pixels, self.spec)
        raw = self.interpreter.run(values[None])[0]
        try:
            return unit_rows(dequantize(raw, self.interpreter.outputs[0]).reshape(1, -1))[0]
        except DataError as error:
            raise TowerError(str(error)) from error

    def embed(self, crops_rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Embed aligned crops of shape (n, size, size, 3); float32 of shape (n, d), rows of length 1."""
        rows = np.empty((len(crops_rgb), self.embedding_length), dtype=np.float32)
        for row, crop in zip(rows, crops_rgb, strict=True):
            row[:] = self.embed_one(crop)
        return rows


def _is_vector(shape: tuple[int, ...]) -> bool:
    """Whether an output is one embedding: (1, d), or with more ones between, as pooling that keeps its axes gives."""
    return len(shape) >= 2 and all(n == 1 for n in shape[:-1])


class Tower(Embedder):
    """A tower file that passed its hashes and its self-test.

    Attributes:
        path: The file.
        card: Its model card.
        backend: The interpreter that runs it here.
        fingerprint: Identifies the embedding space: embeddings of two fingerprints must never be compared.
        self_test_cosine: Lowest cosine similarity to its golden vectors, here.
        provenance: Who made it, as far as that was proved.
        load_ms: How long loading and testing took.
    """

    def __init__(
        self,
        path: Path,
        bundle: Bundle,
        *,
        threads: int = 1,
        family: str | None = None,
        options: EngineOptions | None = None,
    ) -> None:
        """Use :meth:`load`, which also reads and checks the file."""
        start = time.perf_counter()
        super().__init__(bundle.flatbuffer, bundle.card.input, threads=threads, family=family, options=options)
        self.path = path
        self.card = bundle.card
        self.provenance = bundle.provenance
        self.backend: Backend = self.interpreter.backend
        if self.embedding_length != self.card.embedding_length:
            raise TowerError(
                f"{path}: its card says {self.card.embedding_length} values, its model gives {self.embedding_length}."
            )
        self.fingerprint = space_fingerprint(bundle.flatbuffer, self.card, self.interpreter.space)
        self.self_test_cosine = self._self_test(bundle)
        self.load_ms = (time.perf_counter() - start) * 1e3

    @classmethod
    def load(
        cls,
        path: str | Path,
        *,
        threads: int = 1,
        family: str | None = None,
        options: EngineOptions | None = None,
        trust: Trust | None = None,
    ) -> Tower:
        """Load a tower file, check its hashes and its signature, and run its self-test.

        Args:
            path: The ``.tflite`` file that ``python -m export convert`` wrote.
            threads: Threads to compute with.
            family: Which interpreter; the preferred one that is installed if None.
            options: How it runs the model; the interpreter with XNNPACK if None.
            trust: Whose towers are accepted; what this machine is configured to trust if None, see
                :meth:`~edge_runtime.towers.trust.Trust.configured`.

        Raises:
            TowerError: The file is missing, damaged, foreign, edited or not signed by a trusted key, the interpreter
                refuses it, or its self-test fails.
            MissingDependency: No interpreter is installed, or nothing to check a needed signature with.
            UsageError: A trusted key cannot be used, or signed towers are required and no key is trusted.
        """
        choose_backend(family)
        return cls(Path(path), read_bundle(path, trust=trust), threads=threads, family=family, options=options)

    @property
    def calibrated(self) -> bool:
        """Whether the card's thresholds were measured with what computes here: the family, with XNNPACK."""
        return self.card.runtime_family == self.interpreter.space

    @property
    def runtime(self) -> str:
        """What runs it here, in words: "ai-edge-litert 2.3.0, compiled" or "ai-edge-litert 2.3.0 without XNNPACK"."""
        return self.interpreter.words

    def _self_test(self, bundle: Bundle) -> float:
        here = self.embed(bundle.golden_crops)
        lowest = float(np.sum(here * unit_rows(bundle.golden_embeddings), axis=1).min())
        needed = _MIN_COSINE_SAME_FAMILY if self.calibrated else _MIN_COSINE_OTHER_FAMILY
        if not lowest >= needed:
            raise TowerError(
                f"{self.path} fails its self-test with {self.runtime}: "
                f"cosine {lowest:.4f} to its golden vectors, {needed} is needed. Use the interpreter that it was "
                f"made with ({printable(self.card.runtime):.100}), or export it again."
            )
        return lowest


def space_fingerprint(flatbuffer: bytes, card: Card, runtime: str) -> str:
    """Identify an embedding space: the model, its preprocessing, its alignment, and what computes (family, kernels).

    Returns:
        SHA-256 as 64 hexadecimal digits.
    """
    parts: dict[str, Any] = {
        "flatbuffer": sha256_bytes(flatbuffer),
        "input": asdict(card.input),
        "template": [list(point) for point in card.template.points],
        "runtime": runtime,
    }
    # Left out where they are empty: galleries of before there were any stay valid.
    if card.template.weights:
        parts["weights"] = list(card.template.weights)
    if card.template.refiner:
        parts["refiner"] = card.template.refiner
    return sha256_bytes(json.dumps(parts, sort_keys=True).encode())
