from dataclasses import replace
from pathlib import Path

import loss_loops as loops
import numpy as np
import pytest
from loss_helpers import ODD_BATCHES, batch, gradient, objective, value
from train_helpers import tiny_config

from edge_runtime.errors import UsageError
from train.config import LossConfig, TeacherConfig
from train.keras_quietly import keras, tf
from train.losses.build import LOSSES, build_objective, loss_settings

# Every loss in every form.
FORMS = {
    **{f"contrastive-{d}": {"name": "contrastive", "distance": d} for d in LOSSES["contrastive"].distances},
    "contrastive-raw": {"name": "contrastive", "normalise": False},
    "contrastive-pairs": {"name": "contrastive", "sampler": "pairs", "normalise": False},
    **{f"pair-bce-{d}": {"name": "pair-bce", "distance": d} for d in LOSSES["pair-bce"].distances},
    "pair-bce-raw": {"name": "pair-bce", "normalise": False, "sampler": "pairs"},
    **{f"triplet-{m}": {"name": "triplet", "mining": m} for m in ("semi-hard", "hard", "all")},
    **{f"triplet-{m}-raw": {"name": "triplet", "mining": m, "distance": "euclidean", "normalise": False}
       for m in ("semi-hard", "hard", "all")},
    "multi-similarity": {"name": "multi-similarity"},
    "arcface": {"name": "arcface"},
    "cosface-sampled": {"name": "cosface", "sampled_classes": 2},
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("odd", ODD_BATCHES)
def test_value_and_gradient_are_finite(form, odd):
    rows, labels = ODD_BATCHES[odd]
    made = objective(**FORMS[form])
    assert np.isfinite(value(made, rows, labels))
    assert all(np.isfinite(part).all() for part in gradient(made, rows, labels))


@pytest.mark.parametrize("form", [form for form in FORMS if "sampled" not in form])
def test_gradient_is_the_slope(form):
    rows, labels = batch(11, people=2, pictures=6, length=4)
    made = objective(**{**FORMS[form], **({"scale": 4.0} if form == "arcface" else {})})
    found, step = gradient(made, rows, labels)[0], 2e-3
    for row in range(len(rows)):
        for column in range(rows.shape[1]):
            shift = np.zeros_like(rows)
            shift[row, column] = step
            slope = (value(made, rows + shift, labels) - value(made, rows - shift, labels)) / (2 * step)
            assert found[row, column] == pytest.approx(slope, abs=0.02 * max(1.0, np.abs(found).max()))


@pytest.mark.parametrize("form", [form for form in FORMS if FORMS[form].get("normalise", True)])
def test_length_of_embeddings_does_not_matter(form):
    rows, labels = batch(1)
    stretched = rows * np.random.default_rng(1).uniform(0.1, 50, (len(rows), 1)).astype(np.float32)
    made, again = objective(**FORMS[form]), objective(**FORMS[form])
    made.build(rows.shape, labels.shape)
    again.build(rows.shape, labels.shape)
    for one, other in zip(again.trainable_variables, made.trainable_variables, strict=True):
        one.assign(other)
    assert value(again, stretched, labels) == pytest.approx(value(made, rows, labels), rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("form", FORMS)
def test_mixed_precision_computes_in_float32(form):
    rows, labels = batch(2)
    before = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_dtype_policy("mixed_bfloat16")
    try:
        made = objective(**FORMS[form], teacher=TeacherConfig(path="teacher.npz"))
        teacher = np.random.default_rng(0).normal(size=(10, 5)).astype(np.float32)
        low = tf.constant(rows, tf.bfloat16)
        terms = made(low, tf.constant(labels), tf.constant(teacher))
    finally:
        keras.mixed_precision.set_dtype_policy(before)
    name = FORMS[form]["name"]
    assert sorted(terms) == sorted([name, "teacher_cosine", "teacher_similarity"])
    assert {term.dtype for term in terms.values()} == {tf.float32}
    assert {str(weight.dtype) for weight in made.weights} <= {"float32"}
    if "sampled" not in form:
        exact = made(tf.cast(low, tf.float32), tf.constant(labels), tf.constant(teacher))
        assert float(terms[name]) == pytest.approx(float(exact[name]), rel=1e-6)


@pytest.mark.parametrize("form", FORMS)
def test_runs_in_a_graph_with_batches_of_any_size(form):
    made = objective(**FORMS[form])
    made.build((None, 6), (None,))
    graph = tf.function(made, input_signature=[tf.TensorSpec((None, 6)), tf.TensorSpec((None,), tf.int64)])
    for count in (6, 10):
        rows, labels = batch(count, pictures=count)
        found = float(graph(tf.constant(rows), tf.constant(labels, tf.int64))[FORMS[form]["name"]])
        if "sampled" not in form:
            assert found == pytest.approx(value(made, rows, labels), rel=1e-4, abs=1e-6)
        assert np.isfinite(found)


@pytest.mark.parametrize("length", [6, 9])
def test_teacher_terms_equal_loops(length):
    rows, labels = batch(7)
    teacher = np.random.default_rng(2).normal(size=(10, length)).astype(np.float32)
    made = objective("none", teacher=TeacherConfig(path="t.npz", cosine=0.5, similarity=3.0))
    terms = made(tf.constant(rows), tf.constant(labels), tf.constant(teacher))
    projection = made.trainable_variables[0].numpy().astype(float) if length != 6 else None
    assert len(made.trainable_variables) == (length != 6)
    assert float(terms["teacher_cosine"]) == pytest.approx(
        0.5 * loops.teacher_cosine(rows, teacher, projection), rel=1e-4
    )
    assert float(terms["teacher_similarity"]) == pytest.approx(3 * loops.teacher_similarity(rows, teacher), rel=1e-4)


def test_a_perfect_student_has_nothing_to_learn():
    rows, labels = batch(7)
    made = objective("none", teacher=TeacherConfig(path="t.npz"))
    assert value(made, rows * 3, labels, tf.constant(rows)) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(("key", "left"), [("cosine", "teacher_similarity"), ("similarity", "teacher_cosine")])
def test_a_weight_of_zero_leaves_a_term_out(key, left):
    rows, labels = batch(7)
    made = objective("none", teacher=TeacherConfig(path="t.npz", **{key: 0.0}))
    assert list(made(tf.constant(rows), tf.constant(labels), tf.ones((10, 3)))) == [left]


def test_weight_multiplies_the_loss():
    rows, labels = batch(1)
    assert value(objective("triplet", weight=2.5), rows, labels) == pytest.approx(
        2.5 * value(objective("triplet"), rows, labels)
    )


def test_a_teacher_is_given_exactly_where_there_is_one():
    rows, labels = batch(1)
    with pytest.raises(UsageError, match="teacher"):
        value(objective("triplet"), rows, labels, tf.ones((10, 3)))
    with pytest.raises(UsageError, match="teacher"):
        value(objective("triplet", teacher=TeacherConfig(path="t.npz")), rows, labels)


def test_every_loss_is_built_from_its_defaults():
    for name, kind in LOSSES.items():
        assert loss_settings(LossConfig(name=name)) == kind.defaults


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"name": "softmax"}, "known are contrastive, triplet"),
        ({"name": "none"}, "no teacher"),
        ({"name": "triplet", "weight": 0.0}, "no teacher"),
        ({"name": "triplet", "distance": "weighted-l1"}, "takes loss.distance euclidean"),
        ({"name": "contrastive", "distance": "weighted-l1"}, "takes loss.distance euclidean"),
        ({"name": "contrastive", "mining": "hard"}, "has no loss.mining; it takes margin, distance"),
        ({"name": "arcface", "distance": "cosine"}, "has no loss.distance"),
        ({"name": "triplet", "sampled_classes": 5}, "has no loss.sampled_classes"),
        ({"name": "cosface", "alpha": 1.0}, "has no loss.alpha"),
        ({"name": "pair-bce", "margin": 1.0}, "has no loss.margin; it takes distance"),
        ({"name": "arcface", "normalise": False}, "loss.normalise"),
        ({"name": "multi-similarity", "normalise": False}, "loss.normalise"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(words, says):
    config = replace(tiny_config(), loss=LossConfig(**words))
    with pytest.raises(UsageError, match=says) as caught:
        build_objective(config, classes=3)
    assert "\n" not in str(caught.value)


def test_batches_without_pairs_are_for_losses_that_need_none():
    base = tiny_config("batch.sampler=uniform")
    with pytest.raises(UsageError, match=r"draws no pairs .* batch\.sampler=pk"):
        build_objective(base, classes=3)
    build_objective(replace(base, loss=LossConfig(name="arcface")), classes=3)
    taught = replace(base, loss=LossConfig(name="none"), teacher=TeacherConfig(path="teacher"))
    build_objective(taught, classes=3)


def test_the_table_in_the_documentation_is_the_one_in_the_code():
    page = (Path(__file__).resolve().parents[2] / "docs/losses.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines() if line.startswith("| `")]
    told = {cells[0].strip("`"): cells[2:] for cells in rows if len(cells) == 4 and cells[0].strip("`") in LOSSES}
    assert set(told) == set(LOSSES)
    for name, kind in LOSSES.items():
        keys, distances = told[name]
        assert keys == ", ".join(f"`{key}` {value}" for key, value in kind.defaults.items())
        if kind.distances:
            assert distances == ", ".join(kind.distances)
