"""The model card: JSON and back without loss, and strict about what it does not know."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from edge_helpers import LAW
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.errors import TowerError, UsageError
from edge_runtime.measures.metrics import OperatingPoint
from edge_runtime.towers.bundle import read_bundle
from edge_runtime.towers.card import Card, card_from_json, card_to_json
from edge_runtime.towers.preprocess import InputSpec

shares = st.floats(0, 1)
points = st.builds(
    OperatingPoint, target_fmr=st.floats(1e-6, 0.5), threshold=st.floats(-1, 1), fmr=shares, fmr_upper=shares,
    fnmr=shares, impostor_pairs=st.integers(1, 10**9), genuine_pairs=st.integers(1, 10**6),
    false_matches=st.integers(0, 9),
)  # fmt: skip
plain = st.dictionaries(st.text(max_size=5), st.one_of(st.text(max_size=5), st.integers(), st.booleans()), max_size=3)
cards = st.builds(
    Card,
    name=st.text(max_size=30),
    input=st.builds(InputSpec, size_px=st.integers(16, 512), colour=st.sampled_from(["grey", "rgb", "bgr"])),
    embedding_length=st.integers(2, 4096),
    recipe=st.sampled_from(["int8", "float32"]),
    runtime_family=st.sampled_from(["litert", "tflite-runtime"]),
    runtime=st.text(max_size=9),
    thresholds=st.lists(points, max_size=3).map(tuple),
    default_fmr=st.none(),
    evaluation=plain,
    training=plain,
    versions=st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=2),
    licence=st.text(max_size=9),
)


@LAW
@given(cards)
def test_a_card_survives_json(card: Card) -> None:
    data = card_to_json(card)
    assert card_from_json(data) == card
    assert card_to_json(card_from_json(data)) == data
    for point in card.thresholds:
        assert card.operating_point(point.target_fmr).target_fmr == point.target_fmr


def changed(tiny: Path, **values: Any) -> bytes:
    card = json.loads(card_to_json(read_bundle(tiny).card))
    for name, value in values.items():
        if value is None and name != "default_fmr":
            del card[name]
        else:
            card[name] = value
    return json.dumps(card).encode()


@pytest.mark.parametrize(
    "values",
    [
        {"schema_version": 2},
        {"surprise": 1},
        {"input": None},
        {"name": None},
        {"metric": "euclidean"},
        {"embedding_length": 1},
        {"embedding_length": "64"},
        {"default_fmr": 0.5},
        {"input": {"size_px": 8, "colour": "grey"}},
        {"input": {"size_px": 48, "colour": "gbr"}},
        {"template": {"name": "flat", "points": [[0, 0]] * 4}},
        {"thresholds": [{"threshold": 1}]},
        {"thresholds": 7},
    ],
    ids=str,
)
def test_a_card_that_cannot_be_trusted_is_refused(values: dict[str, Any], tiny_tower_path: Path) -> None:
    with pytest.raises(TowerError, match="card"):
        card_from_json(changed(tiny_tower_path, **values))


@pytest.mark.parametrize("data", [b"", b"[]", b"3", b"\xff\xfe", b'{"name": "x"'])
def test_no_card_at_all_is_refused(data: bytes) -> None:
    with pytest.raises(TowerError, match="cannot be read"):
        card_from_json(data)


@pytest.mark.parametrize("threshold", [math.nan, math.inf, -1.5, 2])
def test_a_threshold_must_be_a_cosine(threshold: float, tiny_tower_path: Path) -> None:
    point = json.loads(card_to_json(read_bundle(tiny_tower_path).card))["thresholds"][0] | {"threshold": threshold}
    with pytest.raises(TowerError, match=r"no cosine|which is no JSON"):
        card_from_json(changed(tiny_tower_path, thresholds=[point], default_fmr=None))


def test_a_target_without_threshold_names_those_there_are(tiny_tower_path: Path) -> None:
    card = read_bundle(tiny_tower_path).card
    assert card.operating_point().target_fmr == card.default_fmr == 0.01
    with pytest.raises(UsageError, match=r"it has: 0\.001, 0\.01, 0\.1.*--threshold"):
        card.operating_point(1e-6)
