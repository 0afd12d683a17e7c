"""What the user says of places outside, and of an anti-spoof model of their own."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from benchmarks.fuzz.choices import Choices, changed_bytes, hostile_json
from benchmarks.fuzz.contract import Attempt, Wrong
from benchmarks.fuzz.towers import TINY
from edge_runtime.faces.detect import Face
from edge_runtime.files import sha256_bytes
from edge_runtime.liveness.passive import AntiSpoof
from edge_runtime.outside.config import read_events
from edge_runtime.towers.bundle import unpack_contents

_EVENTS = b"""
[[command]]
argv = ["/bin/true", "x"]
timeout_s = 5
on = ["accepted"]
[[webhook]]
url = "https://example.org/door"
token_file = "secret"
queue = 10
[[mqtt]]
host = "broker.local"
port = 8883
topic = "door"
max_age_s = 1.5
[[gpio]]
pin = 17
"""
_VALUES = (
    b"nan", b"inf", b"-1", b"9" * 400, b"9" * 5000, b"1e400", b"''", b"'\\u0000'", b"[]", b"{}", b"true", b"1979-05-27",
    b"'~nobodyhere/x'", b"'credential:'", b"'credential:../x'", b"'file:///etc/passwd'", b"'http://a@b@c:99999/'",
    b"'" + b"x" * 3000 + b"'", b'"\\u001b[2J"', b"[['a']]", b"0x" + b"f" * 400, b"'https://[::1'", b"['']",
)  # fmt: skip


def event_seeds(folder: Path) -> list[bytes]:
    """A file of places; and choices of a value in it."""
    return [b"\0" + _EVENTS, *(bytes([1, place, value]) for place in range(14) for value in range(len(_VALUES)))]


def make_events(folder: Path) -> Attempt:
    """The file that says what is told where: a command, a web hook, a broker, a pin."""
    path = folder / "events.toml"

    def attempt(data: bytes) -> None:
        choices = Choices(data)
        path.write_bytes(_changed_events(choices) if choices.number(2) else choices.rest())
        for place in read_events(path).places:
            policy = place.delivery
            if not 1 <= policy.queue <= 10_000 or not 0 < policy.max_age_s < float("inf"):
                raise Wrong("a policy that cannot be")

    return attempt


def _changed_events(choices: Choices) -> bytes:
    lines = _EVENTS.strip().splitlines()
    at = choices.number(len(lines))
    if b"=" in lines[at]:
        lines[at] = lines[at].partition(b"=")[0] + b"= " + choices.pick(_VALUES)
    text = b"\n".join(lines)
    return changed_bytes(choices, text) if choices.number(2) else text


def _anti_spoof(folder: Path) -> dict[str, object]:
    """The card of a model that is none, but runs: the tower of the tests."""
    model = unpack_contents(TINY.read_bytes(), "tiny").flatbuffer
    (folder / "spoof.tflite").write_bytes(model)
    return {
        "schema_version": 1, "name": "mine", "file": "spoof.tflite", "sha256": sha256_bytes(model),
        "input": {"size_px": 48, "colour": "grey"}, "crop_scale": 2.7, "live_output": 1, "activation": "softmax",
        "threshold": 0.5,
    }  # fmt: skip


def card_seeds(folder: Path) -> list[bytes]:
    """Choices: what of the card is changed."""
    return [bytes([a, b, 3, 1, 4, 1, 5]) for a in range(8) for b in range(4)]


def make_card(folder: Path) -> Attempt:
    """The card of an anti-spoof model; what loads gives a score."""
    card = _anti_spoof(folder)
    path = folder / "card.json"
    landmarks = np.array([[35, 40], [60, 40], [48, 55], [48, 70]], dtype=np.float32)
    face = Face(box_px=(20.0, 20.0, 76.0, 90.0), landmarks_px=landmarks, score=0.9)
    picture = np.zeros((96, 96, 3), dtype=np.uint8)

    def attempt(data: bytes) -> None:
        path.write_bytes(hostile_json(Choices(data), json.loads(json.dumps(card))))
        AntiSpoof(path).score(picture, face)

    return attempt
