"""What is known of a tower file: its card, and what can be read out of the file itself."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_runtime.files import sha256_file
from edge_runtime.towers.bundle import Bundle, read_bundle
from edge_runtime.towers.card import Card
from edge_runtime.towers.tower import space_fingerprint
from edge_runtime.towers.trust import Provenance, Trust
from export.card.text import words
from export.preflight.operators import BYTES, Operator, read_operators

# Bytes of one value.
_WIDTHS: dict[str, float] = {**BYTES, "INT4": 0.5}


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorCount:
    """All operators of one kind, version and type.

    Attributes:
        name: Such as ``"CONV_2D"``.
        version: Which version of it.
        type: What it computes with: the type of its first input.
        count: How many there are.
        macs: Their multiply-accumulates for one picture.
    """

    name: str
    version: int
    type: str
    count: int
    macs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of a tower file.

    Attributes:
        file: Its name, without the folders.
        sha256: Of the whole file.
        file_bytes: Size of the whole file.
        model_bytes: Size of the flatbuffer in it.
        weight_bytes: What its weights and biases take in memory; None if they have a type of unknown width.
        macs: Multiply-accumulates for one picture.
        operators: Its operators by kind, those that compute most first.
        fingerprint: Of its embedding space in the runtime that its card names.
        provenance: Who signed it.
        card: Its card.
    """

    file: str
    sha256: str
    file_bytes: int
    model_bytes: int
    weight_bytes: int | None
    macs: int
    operators: tuple[OperatorCount, ...]
    fingerprint: str
    provenance: Provenance
    card: Card


def read_facts(path: Path) -> Facts:
    """Read a tower file for its card. It need not be signed by anybody; who signed it is among the facts.

    Raises:
        TowerError: It is damaged, or its signature is not that of its content.
    """
    trust = dataclasses.replace(Trust.configured(), required=False)
    bundle = read_bundle(path, trust=trust)
    operators = read_operators(bundle.flatbuffer)
    return Facts(
        file=words(path.name, limit=200),
        sha256=sha256_file(path),
        file_bytes=path.stat().st_size,
        model_bytes=len(bundle.flatbuffer),
        weight_bytes=_weight_bytes(operators),
        macs=sum(operator.macs for operator in operators),
        operators=count_operators(operators),
        fingerprint=_fingerprint(bundle),
        provenance=bundle.provenance,
        card=bundle.card,
    )


def _fingerprint(bundle: Bundle) -> str:
    return space_fingerprint(bundle.flatbuffer, bundle.card, bundle.card.runtime_family)


def count_operators(operators: tuple[Operator, ...]) -> tuple[OperatorCount, ...]:
    """Operators by kind, version and type, those that compute most first."""
    found: dict[tuple[str, int, str], list[int]] = {}
    for operator in operators:
        first = next((tensor for tensor in operator.inputs if tensor is not None), None)
        key = (operator.name, operator.version, "" if first is None else first.type)
        found.setdefault(key, []).append(operator.macs)
    rows = [
        OperatorCount(name=name, version=version, type=kind, count=len(macs), macs=sum(macs))
        for (name, version, kind), macs in found.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-row.macs, row.name, row.version, row.type)))


def _weight_bytes(operators: tuple[Operator, ...]) -> int | None:
    """Bytes of all constant inputs, each counted once however many operators share it."""
    tensors = {
        (tensor.name, tensor.type, tensor.shape): tensor.count
        for operator in operators
        for tensor in operator.inputs
        if tensor is not None and tensor.constant
    }
    if any(kind not in _WIDTHS for _, kind, _ in tensors):
        return None
    return round(sum(count * _WIDTHS[kind] for (_, kind, _), count in tensors.items()))


def facts_json(facts: Facts) -> dict[str, Any]:
    """The facts and the whole card as plain values."""
    return dataclasses.asdict(facts)
