"""What every card says was measured, and what was not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge_runtime.errors import UsageError
from edge_runtime.towers.bundle import read_bundle
from edge_runtime.towers.card import DEFAULT_LIMITS
from edge_runtime.towers.shipped import SHIPPED
from export.cli import main
from export.delivery.limits import kind_of_pictures, split_limits, stated_limits
from export.delivery.signing import sign_bundle
from export.settings import Settings


def test_every_card_says_what_was_not_measured_and_what_the_rest_was_measured_on() -> None:
    text = stated_limits(DEFAULT_LIMITS, pictures=" crops of actors. ", added=None)
    assert text.startswith(DEFAULT_LIMITS)
    assert "measured on crops of actors. By age, sex and skin tone they were not measured" in text


def test_what_the_maker_adds_comes_first() -> None:
    text = stated_limits("Known.", pictures="x", added=" Not for twins. ")
    assert text.startswith("Not for twins. Known. Its error rates were measured on x. ")


def test_kinds_of_pictures_differ() -> None:
    kinds = [kind_of_pictures(prepared=p, foreign=f) for p, f in ((False, False), (True, False), (True, True))]
    assert len(set(kinds)) == 3


def test_limits_come_apart_again() -> None:
    text = stated_limits("Known.", pictures="crops. Of actors", added="Not for twins.")
    assert split_limits(text) == ("Not for twins. Known.", "crops. Of actors")
    assert split_limits("Known.") == ("Known.", None)


def test_what_ships_says_what_was_not_measured() -> None:
    for tower in SHIPPED.values():
        limits = read_bundle(tower.path).card.limits
        assert "By age, sex and skin tone they were not measured" in limits
        assert split_limits(limits)[1], tower.name


def test_a_card_is_restated_and_nothing_else_changes(
    tiny_tower_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, out = read_bundle(tiny_tower_path), tmp_path / "again.tflite"
    words = ["restate", str(tiny_tower_path), "--out", str(out)]
    assert main(words) == 2
    assert "--measured-on TEXT" in capsys.readouterr().err
    assert not out.exists()
    assert main([*words, "--measured-on", "drawings", "--limits-text", "For tests.", "--json"]) == 0
    after = read_bundle(out)
    assert after.flatbuffer == before.flatbuffer
    np.testing.assert_array_equal(after.golden_embeddings, before.golden_embeddings)
    np.testing.assert_array_equal(after.golden_crops, before.golden_crops)
    assert json.loads(capsys.readouterr().out)["limits"] == after.card.limits
    assert replace(after.card, limits=before.card.limits) == before.card
    assert after.card.limits.startswith("For tests. ")
    assert main(words) == 2
    assert main(["restate", str(out), "--out", str(out), "--name", "other", "--force"]) == 0
    again = read_bundle(out).card
    assert (again.name, again.limits) == ("other", after.card.limits)


def test_a_signature_is_not_carried_over(
    tiny_tower_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes([7]) * 32)
    signed, out = tmp_path / "signed.tflite", tmp_path / "again.tflite"
    signed.write_bytes(sign_bundle(tiny_tower_path.read_bytes(), key))
    assert main(["restate", str(signed), "--out", str(out), "--measured-on", "drawings"]) == 0
    assert "export sign" in capsys.readouterr().err
    assert read_bundle(out).provenance.status != "signed"


@pytest.mark.parametrize("option", ["measured_on", "limits_text"])
@pytest.mark.parametrize("text", ["", "  ", "two\nlines", "\x1b[31mred", "x" * 1001])
def test_no_text_of_a_card_is_empty_long_or_unprintable(option: str, text: str) -> None:
    with pytest.raises(UsageError, match=f"--{option.replace('_', '-')} takes one line"):
        Settings(out=Path("a.tflite"), representative=Path("faces"), **{option: text})  # type: ignore[arg-type]


def test_words_of_other_languages_are_taken() -> None:
    text = "Bilder von Schauspielerinnen – 顔写真"
    assert Settings(out=Path("a.tflite"), representative=Path("faces"), measured_on=text).measured_on == text
