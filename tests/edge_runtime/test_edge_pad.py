"""Rendered heads and photographs through the whole device, passive models, and ``siamlite pad-report``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from edge_helpers import GENUINE, Command

from benchmarks.liveness.actors import actors
from benchmarks.liveness.clips import KINDS, clip, make_print
from benchmarks.liveness.render import Print
from edge_runtime.decisions.decide import Outcome
from edge_runtime.decisions.policy import DecisionPolicy
from edge_runtime.decisions.verifier import Verifier
from edge_runtime.errors import DataError, SiamliteError, TowerError, UsageError
from edge_runtime.faces.detect import Face
from edge_runtime.faces.finder import FaceFinder
from edge_runtime.files import sha256_file
from edge_runtime.gallery.store import Gallery
from edge_runtime.images import Image, write_image
from edge_runtime.liveness.passive import LOOKS, AntiSpoof, PassiveTest, read_card
from edge_runtime.liveness.policy import LivenessPolicy
from edge_runtime.sources.frame import Frame
from edge_runtime.towers.tower import Tower

KIND = {kind.name: kind for kind in KINDS}
FACE = Face(box_px=(20, 20, 100, 100), landmarks_px=np.zeros((4, 2), np.float32), score=1)


@pytest.fixture(scope="module")
def photo(att_faces: Path, finder: FaceFinder) -> Print:
    made = make_print(att_faces / GENUINE / "6.pgm", finder)
    assert made is not None
    return made


@pytest.fixture(scope="module")
def shown(photo: Print) -> Callable[[str], list[Frame]]:
    """The frames of a kind of clip; the same each time."""
    kept: dict[str, list[Frame]] = {}

    def frames(name: str) -> list[Frame]:
        if name not in kept:
            kept[name] = list(clip(photo, KIND[name], 1, seconds=3.0))
        return kept[name]

    return frames


@pytest.fixture
def verifier(tower: Tower, finder: FaceFinder, gallery_path: Path) -> Callable[[LivenessPolicy], Verifier]:
    """Takes everybody for the enrolled person, so that only liveness is left to refuse them."""

    def build(liveness: LivenessPolicy) -> Verifier:
        policy = DecisionPolicy(frames=2, timeout_s=5, same_person=-0.99)
        with Gallery.open(gallery_path, tower) as gallery:
            return Verifier(tower, gallery, finder, claimed=GENUINE, threshold=-0.99, policy=policy, liveness=liveness)

    return build


def test_a_photograph_in_a_hand_is_refused_and_a_head_is_not(
    verifier: Callable[[LivenessPolicy], Verifier], shown: Callable[[str], list[Frame]]
) -> None:
    required, off = verifier(LivenessPolicy(mode="required")), verifier(LivenessPolicy())
    assert off.decide(shown("photograph shifted")).accepted
    for name in ("photograph shifted", "photograph bent, turned"):
        decision = required.decide(shown(name))
        assert (decision.outcome, decision.person) == (Outcome.NOT_LIVE, None)
        assert decision.reason in ("not-enough-motion", "flat")
    head = required.decide(shown("person looking round"))
    assert (head.outcome, head.person) == (Outcome.ACCEPTED, GENUINE)
    assert "liveness" in head.latency_ms


def test_photographs_and_single_frames_show_no_life(
    verifier: Callable[[LivenessPolicy], Verifier], shown: Callable[[str], list[Frame]]
) -> None:
    frames = shown("person looking round")
    decision = verifier(LivenessPolicy(mode="required")).decide([replace(frame, photo=True) for frame in frames])
    assert (decision.outcome, decision.reason) == (Outcome.NOT_LIVE, "no-liveness")
    decision = verifier(LivenessPolicy(mode="required")).decide(frames[:1] * 20)
    assert not decision.accepted


@pytest.mark.parametrize("kind", ["person", "recording"])
def test_the_challenge_lets_in_who_does_as_asked(
    verifier: Callable[[LivenessPolicy], Verifier], photo: Print, kind: str
) -> None:
    actor = actors(kind, photo, 3)
    asked: list[str | None] = [None]

    def frames() -> Iterator[Frame]:
        for index in range(240):
            yield replace(actor.frame(index / actor.rate, asked[-1]), index=index)

    decision, told = None, []
    for step in verifier(LivenessPolicy(mode="required", challenge=True)).attempt(frames()):
        subject = step.seen.subject
        asked.append(None if subject is None or subject.liveness is None else subject.liveness.prompt)
        told.append(asked[-1])
        decision = step.decision
    assert decision is not None
    assert set(told) > {None}
    assert decision.accepted is (kind == "person"), decision.reason


@pytest.fixture
def card(tmp_path: Path, tiny_tower_path: Path, tower: Tower) -> Callable[..., Path]:
    """The card of a model that is none against spoofing: the tests' tower, one of whose values is taken for a score."""
    (tmp_path / "model.tflite").write_bytes(tiny_tower_path.read_bytes())

    def write(**changes: object) -> Path:
        spec = tower.card.input
        values = {
            "schema_version": 1,
            "name": "a tower",
            "file": "model.tflite",
            "sha256": sha256_file(tiny_tower_path),
            "input": {"size_px": spec.size_px, "colour": spec.colour, "scale": spec.scale, "offset": spec.offset},
            "crop_scale": 2.0,
            "live_output": 0,
            "activation": "softmax",
            "threshold": 0.5,
        }
        path = tmp_path / "card.json"
        path.write_text(json.dumps({**values, **changes}))
        return path

    return write


def test_a_passive_model_is_asked_and_its_mean_decides_once(card: Callable[..., Path]) -> None:
    rng = np.random.default_rng(0)
    images: list[Image] = [rng.integers(0, 255, (120, 160, 3), dtype=np.uint8) for _ in range(LOOKS)]
    model = AntiSpoof(card())
    scores = [model.score(image, FACE) for image in images]
    assert all(0 <= score <= 1 for score in scores)
    mean = float(np.mean(scores))
    for threshold, live in ((max(mean * 0.99, 1e-9), True), (mean * 1.01, False)):
        test = PassiveTest(AntiSpoof(card(threshold=threshold)))
        said = [test.step(image, FACE).live for image in images]
        assert said == [None] * (LOOKS - 1) + [live]
        assert test.step(images[0], FACE).live is live


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"sha256": "0" * 64}, TowerError, "not the model of its card"),
        ({"file": "other.tflite"}, TowerError, "cannot read"),
        ({"file": "../model.tflite"}, UsageError, "beside its card"),
        ({"input": {"size_px": 31, "colour": "grey"}}, TowerError, "its card says"),
        ({"input": {"size_px": 31}}, DataError, "wrong kind"),
        ({"input": 5}, DataError, "wrong kind"),
        ({"live_output": 999}, TowerError, "asks for number"),
        ({"live_output": -1}, UsageError, "live_output"),
        ({"activation": "relu"}, UsageError, "activation"),
        ({"threshold": 1.5}, UsageError, "threshold"),
        ({"threshold": float("nan")}, UsageError, "threshold"),
        ({"crop_scale": "wide"}, DataError, "wrong kind"),
        ({"crop_scale": 0}, UsageError, "crop_scale"),
        ({"schema_version": 2}, DataError, "schema_version"),
        ({"more": 1}, DataError, "exactly"),
    ],
)
def test_a_card_that_does_not_fit_is_refused(
    card: Callable[..., Path], changes: dict[str, object], error: type[SiamliteError], words: str
) -> None:
    with pytest.raises(error, match=words):
        AntiSpoof(card(**changes))


def test_a_card_is_json_or_nothing(tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    path.write_text("{")
    with pytest.raises(DataError, match="not valid JSON"):
        read_card(path)
    with pytest.raises(DataError, match="cannot read"):
        read_card(tmp_path / "missing.json")


@pytest.fixture
def labelled(tmp_path: Path, shown: Callable[[str], list[Frame]]) -> Path:
    """A labelled folder with one person and one attack, as sequences of pictures."""
    for kind, name in (("bona-fide", "person looking round"), ("photograph", "photograph shifted")):
        for frame in shown(name):
            write_image(tmp_path / "pad" / kind / "first" / f"{frame.index}.png", frame.image_rgb)
    return tmp_path / "pad"


def test_a_labelled_folder_gives_rates_for_each_kind(siamlite: Command, labelled: Path) -> None:
    code, out, _ = siamlite("pad-report", labelled, "--json")
    assert code == 0
    kinds = {kind["kind"]: kind for kind in json.loads(out)["kinds"]}
    assert {name: (kind["measure"], kind["errors"], kind["tries"]) for name, kind in kinds.items()} == {
        "bona-fide": ("BPCER", 0, 1),
        "photograph": ("APCER", 0, 1),
    }
    assert kinds["photograph"]["bounds"] == [0.0, pytest.approx(0.975)]
    # Where no sign either way is no refusal, the attack that hardly moves is let through.
    code, out, _ = siamlite("pad-report", labelled, "--liveness", "on")
    assert code == 0
    assert "APCER" in out
    assert "1.000" in out


def test_a_folder_that_is_not_labelled_is_refused(siamlite: Command, tmp_path: Path) -> None:
    assert "not a folder" in siamlite.fails(2, "pad-report", tmp_path / "none")
    assert "holds no presentations" in siamlite.fails(2, "pad-report", tmp_path)
    (tmp_path / "photograph").mkdir()
    assert "no video" in siamlite.fails(2, "pad-report", tmp_path)
    write_image(tmp_path / "photograph" / "1.png", np.zeros((8, 8, 3), np.uint8))
    assert "single picture" in siamlite.fails(2, "pad-report", tmp_path)
    assert "rate must be" in siamlite.fails(2, "pad-report", tmp_path, "--rate", "0")
    assert "no test of it" in siamlite.fails(2, "pad-report", _video(tmp_path), "--no-planarity")
    assert "not a video" in siamlite.fails(3, "pad-report", _video(tmp_path))


def _video(folder: Path) -> Path:
    (folder / "new/bona-fide").mkdir(parents=True, exist_ok=True)
    (folder / "new/bona-fide/one.mp4").write_bytes(b"no video")
    return folder / "new"
