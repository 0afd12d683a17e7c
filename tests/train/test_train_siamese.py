import loss_loops as loops
import numpy as np
import pytest
from loss_helpers import objective
from train_helpers import tiny_config

from edge_runtime.errors import UsageError
from train.heads.distances import distance_matrix, pair_distances, same_person_layer
from train.heads.siamese import pair_model
from train.keras_quietly import keras, tf
from train.losses.pairs import contrastive
from train.towers.build import build_tower

PLAIN = ("euclidean", "squared-euclidean", "cosine")


@pytest.fixture
def tower():
    keras.utils.set_random_seed(3)
    config = tiny_config("tower.dropout=0.0")
    return build_tower(config.input, config.tower)


def _pictures(count):
    return np.random.default_rng(2).uniform(-1, 1, (count, 16, 16, 1)).astype(np.float32)


def _ids(weights):
    return {id(weight) for weight in weights}


@pytest.mark.parametrize("distance", [*PLAIN, "weighted-l1"])
def test_both_branches_share_the_weights(tower, distance):
    head = same_person_layer() if distance == "weighted-l1" else None
    model = pair_model(tower, distance, head=head)
    assert _ids(model.weights) == _ids(tower.weights) | _ids(head.weights if head else [])
    assert len(model.trainable_weights) == len(tower.trainable_weights) + (2 if head else 0)
    left, right = _pictures(6)[:3], _pictures(6)[3:]
    np.testing.assert_allclose(model([left, right]), model([right, left]), atol=1e-6)


@pytest.mark.parametrize("distance", [*PLAIN, "weighted-l1"])
def test_training_the_pair_model_changes_the_one_set_of_weights(tower, distance):
    model, pictures = pair_model(tower, distance), _pictures(8)
    before = [weight.numpy() for weight in tower.trainable_weights]
    embedded = tower(pictures).numpy()
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse", jit_compile=False)
    model.train_on_batch([pictures[::2], pictures[1::2]], np.array([[0.0], [1.0], [0.0], [1.0]]))
    after = [weight.numpy() for weight in tower.trainable_weights]
    assert any(np.abs(new - old).max() > 0 for new, old in zip(after, before, strict=True))
    assert np.abs(tower(pictures).numpy() - embedded).max() > 1e-5
    # Both branches moved alike: a picture is still at no distance from itself.
    if distance != "weighted-l1":
        np.testing.assert_allclose(model([pictures, pictures]), 0, atol=2e-3)


@pytest.mark.parametrize("distance", PLAIN)
@pytest.mark.parametrize("normalise", [True, False])
def test_distance_is_that_of_the_embeddings(tower, distance, normalise):
    left, right = _pictures(8)[:4], _pictures(8)[4:]
    first, second = (loops.points(tower(side).numpy(), normalise) for side in (left, right))
    wanted = [loops.between(a, b, distance) for a, b in zip(first, second, strict=True)]
    found = pair_model(tower, distance, normalise=normalise)([left, right]).numpy()
    assert found.shape == (4, 1)
    np.testing.assert_allclose(found[:, 0], wanted, rtol=1e-4, atol=1e-5)


def test_weighted_l1_is_a_probability_of_weighted_differences(tower):
    left, right = _pictures(8)[:4], _pictures(8)[4:]
    model = pair_model(tower, "weighted-l1", normalise=False)
    kernel, bias = model.trainable_weights[-2:]
    bias.assign([0.3])
    logits = np.abs(tower(left).numpy() - tower(right).numpy()).astype(float) @ kernel.numpy()[:, 0] + 0.3
    np.testing.assert_allclose(model([left, right]).numpy()[:, 0], 1 / (1 + np.exp(-logits)), rtol=1e-4)


@pytest.mark.parametrize("distance", PLAIN)
def test_matrix_and_pairs_agree(distance):
    rows = np.random.default_rng(0).normal(size=(7, 5)).astype(np.float32)
    matrix = distance_matrix(tf.constant(rows), distance).numpy()
    for i in range(7):
        each = pair_distances(tf.constant(np.tile(rows[i], (7, 1))), tf.constant(rows), distance).numpy()
        np.testing.assert_allclose(matrix[i], each, atol=3e-3 if distance == "euclidean" else 1e-5)


def _gradients(tower, loss):
    with tf.GradientTape() as tape:
        total = loss()
    return float(total), [np.array(item) for item in tape.gradient(total, tower.trainable_variables)]


def _assert_alike(one, other):
    assert one[0] == pytest.approx(other[0], rel=1e-4)
    for first, second in zip(one[1], other[1], strict=True):
        np.testing.assert_allclose(first, second, rtol=1e-3, atol=1e-4 * max(1e-3, np.abs(first).max()))


@pytest.mark.parametrize("distance", PLAIN)
@pytest.mark.parametrize("normalise", [True, False])
def test_two_passes_and_one_give_the_same_gradient_of_given_pairs(tower, distance, normalise):
    pictures, labels = _pictures(8), np.array([0, 0, 0, 1, 2, 2, 1, 2])
    same = np.float32(labels[::2] == labels[1::2])
    model = pair_model(tower, distance, normalise=normalise)
    made = objective("contrastive", sampler="pairs", distance=distance, normalise=normalise)

    def two_passes():
        return tf.reduce_mean(contrastive(same, model([pictures[::2], pictures[1::2]])[:, 0], 1.0))

    def one_pass():
        return made(tower(pictures), tf.constant(labels))["contrastive"]

    _assert_alike(_gradients(tower, two_passes), _gradients(tower, one_pass))


def test_two_passes_and_one_give_the_same_gradient_of_all_pairs(tower):
    pictures, labels = _pictures(6), np.array([0, 0, 1, 1, 2, 2])
    first, second = np.triu_indices(6, 1)
    same = np.float32(labels[first] == labels[second])
    model, made = pair_model(tower), objective("contrastive")

    def two_passes():
        losses = contrastive(same, model([pictures[first], pictures[second]])[:, 0], 1.0)
        return 0.5 * (tf.reduce_mean(losses[same == 1]) + tf.reduce_mean(losses[same == 0]))

    def one_pass():
        return made(tower(pictures), tf.constant(labels))["contrastive"]

    _assert_alike(_gradients(tower, two_passes), _gradients(tower, one_pass))


def test_a_trained_head_judges_pairs_as_it_was_trained_to(tower):
    pictures, labels = _pictures(8), np.array([0, 0, 0, 1, 2, 2, 1, 2])
    made = objective("pair-bce", sampler="pairs")
    made(tower(pictures), tf.constant(labels))
    model = pair_model(tower, "weighted-l1", head=made.term.head)
    same = np.float32(labels[::2] == labels[1::2])

    def two_passes():
        return keras.losses.BinaryCrossentropy()(same[:, None], model([pictures[::2], pictures[1::2]]))

    def one_pass():
        return made(tower(pictures), tf.constant(labels))["pair-bce"]

    _assert_alike(_gradients(tower, two_passes), _gradients(tower, one_pass))


def test_what_is_no_pair_model(tower):
    with pytest.raises(UsageError, match="euclidean, squared-euclidean, cosine, weighted-l1"):
        pair_model(tower, "manhattan")
    with pytest.raises(UsageError, match="has no head"):
        pair_model(tower, "cosine", head=same_person_layer())
    with pytest.raises(UsageError, match="known are euclidean"):
        pair_distances(tf.ones((2, 3)), tf.ones((2, 3)), "weighted-l1")
