"""The tower on the real interpreter, whichever is installed: what holds in both, and what each must do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from edge_helpers import THRESHOLD, Command

from edge_runtime.decisions.pair import pair_threshold
from edge_runtime.errors import MissingDependency, TowerError, UsageError
from edge_runtime.faces.align import AlignmentTemplate
from edge_runtime.faces.finder import FaceFinder
from edge_runtime.images import read_image
from edge_runtime.measures.metrics import equal_error_rate, pair_scores
from edge_runtime.towers.bundle import Bundle, pack_bundle, read_bundle
from edge_runtime.towers.interpreter import Interpreter, choose_backend, dequantize, installed_backends
from edge_runtime.towers.preprocess import InputSpec, normalise, quantization_table, tower_pixels
from edge_runtime.towers.tower import Embedder, Tower, space_fingerprint


def test_embeddings_have_length_one_and_are_repeatable(tower: Tower) -> None:
    crops = np.random.default_rng(5).integers(0, 256, (6, 48, 48, 3), dtype=np.uint8)
    rows = tower.embed(crops)
    assert rows.shape == (6, tower.embedding_length)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(rows, tower.embed(crops))
    np.testing.assert_array_equal(rows[2], tower.embed_one(crops[2]))


def test_an_embedding_is_a_copy(tower: Tower) -> None:
    crops = np.random.default_rng(6).integers(0, 256, (2, 48, 48, 3), dtype=np.uint8)
    first = tower.embed_one(crops[0])
    kept = first.copy()
    tower.embed_one(crops[1])
    np.testing.assert_array_equal(first, kept)


def test_the_look_up_table_is_the_interpreter_s_own_quantization(tower: Tower) -> None:
    spec = tower.interpreter.inputs[0]
    crop = np.random.default_rng(1).integers(0, 256, (48, 48, 3), dtype=np.uint8)
    table = quantization_table(tower.spec, step=spec.step, zero_point=spec.zero_point)
    pixels = tower_pixels(crop, tower.spec)
    back = (table[pixels].astype(np.float64) - spec.zero_point) * spec.step
    assert np.abs(back - normalise(pixels, tower.spec)).max() <= spec.step / 2 + 1e-6
    raw = tower.interpreter.run(table[pixels][None])[0]
    values = dequantize(raw, tower.interpreter.outputs[0])[0]
    np.testing.assert_allclose(values / np.linalg.norm(values), tower.embed_one(crop), atol=1e-6)


def test_it_tells_people_apart_as_its_card_says(tower: Tower, finder: FaceFinder, att_faces: Path) -> None:
    some, numbers = (2, 5, 7, 22, 27, 40), (1, 4, 7, 10)
    crops = [finder.find_one(read_image(att_faces / f"s{p}/{n}.pgm")).crop_rgb for p in some for n in numbers]
    scores = pair_scores(tower.embed(np.stack(crops)), np.repeat(some, len(numbers)))
    assert scores.genuine.mean() > scores.impostor.mean() + 0.2
    assert equal_error_rate(scores)[0] < 0.25
    assert tower.card.evaluation["eer"] < 0.25


def test_the_self_test_is_exact_in_the_family_it_was_made_with(tower: Tower) -> None:
    assert tower.calibrated == (tower.backend.family == tower.card.runtime_family == "litert")
    if tower.calibrated:
        assert tower.self_test_cosine == pytest.approx(1, abs=1e-6)
    else:
        assert 0.99 < tower.self_test_cosine <= 1.000001


def test_thresholds_of_the_card_hold_in_its_family_alone(tower: Tower) -> None:
    if tower.calibrated:
        assert pair_threshold(tower) == tower.card.operating_point(0.01).threshold
        assert pair_threshold(tower, target_fmr=0.1) < pair_threshold(tower, target_fmr=0.001)
    else:
        with pytest.raises(UsageError, match=r"measured with ai-edge-litert .* not tflite-runtime.*--threshold"):
            pair_threshold(tower)
    assert pair_threshold(tower, threshold=0.5) == 0.5


@pytest.mark.parametrize("threshold", [-1, 1.5, float("nan"), float("inf")])
def test_a_threshold_of_ones_own_must_be_a_cosine(tower: Tower, threshold: float) -> None:
    with pytest.raises(UsageError, match="cosine similarity"):
        pair_threshold(tower, threshold=threshold)


def test_the_command_line_needs_a_threshold_in_the_other_family(
    tower: Tower, siamlite: Command, gallery_path: Path, att_faces: Path
) -> None:
    words = ["identify", "--tower", tower.path, "--gallery", gallery_path, "--source", att_faces / "s22/8.pgm"]
    if tower.calibrated:
        assert siamlite(*words)[0] in (0, 1)
    else:
        assert "--threshold" in siamlite.fails(2, *words)
    assert siamlite(*words, "--threshold", THRESHOLD)[0] == 0


def test_a_space_is_model_preprocessing_template_and_family(tiny_tower_path: Path) -> None:
    bundle = read_bundle(tiny_tower_path)
    card = bundle.card
    points = ((0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.5, 0.8))
    spaces = [
        space_fingerprint(bundle.flatbuffer, card, "litert"),
        space_fingerprint(bundle.flatbuffer, card, "tflite-runtime"),
        space_fingerprint(bundle.flatbuffer + b"\0", card, "litert"),
        space_fingerprint(bundle.flatbuffer, replace(card, input=replace(card.input, offset=0.0)), "litert"),
        space_fingerprint(
            bundle.flatbuffer, replace(card, template=AlignmentTemplate(name="t", points=points)), "litert"
        ),
    ]
    assert len(set(spaces)) == len(spaces)
    assert space_fingerprint(bundle.flatbuffer, replace(card, name="other", licence="x"), "litert") == spaces[0]


@pytest.mark.parametrize("change", [{"size_px": 64}, {"colour": "rgb"}])
def test_a_model_that_does_not_fit_its_card_is_refused(change: dict[str, object], tiny_tower_path: Path) -> None:
    bundle = read_bundle(tiny_tower_path)
    with pytest.raises(TowerError, match="no tower for"):
        Embedder(bundle.flatbuffer, replace(bundle.card.input, **change))


def test_a_card_with_another_length_is_refused(tiny_tower_path: Path, tmp_path: Path) -> None:
    good = read_bundle(tiny_tower_path)
    rows = np.tile(np.eye(32, dtype=np.float32)[:1], (len(good.golden_crops), 1))
    bad = Bundle(
        flatbuffer=good.flatbuffer,
        card=replace(good.card, embedding_length=32),
        golden_crops=good.golden_crops,
        golden_embeddings=rows,
    )
    path = tmp_path / "t.tflite"
    path.write_bytes(pack_bundle(bad))
    with pytest.raises(TowerError, match="its card says 32 values, its model gives 64"):
        Tower.load(path)


def test_a_crop_of_another_shape_is_refused(tower: Tower) -> None:
    for crop in (np.zeros((40, 40, 3), np.uint8), np.zeros((48, 48, 3), np.float32), np.zeros((48, 48), np.uint8)):
        with pytest.raises(UsageError, match="crops of 48×48×3"):
            tower.embed_one(crop)


def test_an_embedding_of_nothing_is_an_error_of_the_tower(tower: Tower) -> None:
    """A grey wall has no edges, so this tower has nothing to say about it."""
    with pytest.raises(TowerError, match="zero or not finite"):
        tower.embed_one(np.full((48, 48, 3), 128, np.uint8))


@pytest.mark.parametrize("threads", [0, 65, -1])
def test_threads_are_limited(threads: int, tiny_tower_path: Path, siamlite: Command) -> None:
    with pytest.raises(UsageError, match="threads"):
        Tower.load(tiny_tower_path, threads=threads)
    line = siamlite.fails(2, "identify", "--tower", tiny_tower_path, "--source", "x", "--threads", threads)
    assert "1 to 64" in line


def test_threads_do_not_change_embeddings(tower: Tower, tiny_tower_path: Path) -> None:
    crop = np.random.default_rng(2).integers(0, 256, (48, 48, 3), dtype=np.uint8)
    np.testing.assert_array_equal(Tower.load(tiny_tower_path, threads=2).embed_one(crop), tower.embed_one(crop))


def test_a_family_is_taken_or_refused_never_replaced(tiny_tower_path: Path) -> None:
    here = [backend.family for backend in installed_backends()]
    assert here
    for family in ("litert", "tflite-runtime"):
        if family in here:
            assert Tower.load(tiny_tower_path, family=family).backend.family == family
        else:
            with pytest.raises(MissingDependency, match=r"pip install 'siamlite\["):
                Tower.load(tiny_tower_path, family=family)
    with pytest.raises(UsageError, match="unknown interpreter"):
        choose_backend("onnx")


@pytest.mark.parametrize("flatbuffer", [b"", b"TFL3", b"\x1c\0\0\0TFL3", b"\x1c\0\0\0TFL3" + bytes(200)])
def test_no_model_is_refused_in_one_line_and_in_silence(flatbuffer: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(TowerError) as refusal:
        Interpreter(flatbuffer)
    assert "\n" not in str(refusal.value)
    assert capfd.readouterr().err == ""


def test_running_with_a_wrong_array_is_an_error_of_ours(tower: Tower) -> None:
    for wrong in (np.zeros((1, 48, 48, 1), np.float32), np.zeros((1, 40, 48, 1), np.int8)):
        with pytest.raises(TowerError, match="failed to run"):
            tower.interpreter.run(wrong)
    with pytest.raises(TowerError, match="failed to run"):
        tower.interpreter.run()


def test_grey_is_the_luma_and_rgb_the_crop_itself() -> None:
    crop = np.random.default_rng(4).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    luma = crop @ np.array([0.299, 0.587, 0.114])
    grey = tower_pixels(crop, InputSpec(size_px=16, colour="grey"))
    assert np.abs(grey[..., 0] - luma).max() <= 0.51
    np.testing.assert_array_equal(tower_pixels(crop, InputSpec(size_px=16, colour="rgb")), crop)


@pytest.mark.parametrize(
    "bad", [{"size_px": 8}, {"size_px": 48.0}, {"colour": "gbr"}, {"scale": 0}, {"offset": np.nan}]
)
def test_an_input_that_no_tower_has_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="input"):
        InputSpec(**{"size_px": 48, "colour": "grey"} | bad)
