import numpy as np
import pytest
from train_helpers import tiny_config

from edge_runtime.errors import UsageError
from train.heads.siamese import pair_model
from train.keras_quietly import keras
from train.losses.all import Contrastive, pair_contrastive
from train.towers.build import build_tower


@pytest.fixture(scope="module")
def tower():
    keras.utils.set_random_seed(3)
    config = tiny_config()
    return build_tower(config.input, config.tower)


def _pictures(count):
    return np.random.default_rng(2).uniform(-1, 1, (count, 16, 16, 1)).astype(np.float32)


def test_both_branches_share_the_weights(tower):
    model = pair_model(tower)
    assert [id(weight) for weight in model.trainable_weights] == [id(weight) for weight in tower.trainable_weights]
    left, right = _pictures(6)[:3], _pictures(6)[3:]
    np.testing.assert_allclose(model([left, right]), model([right, left]), atol=1e-6)
    before = model([left, right]).numpy()
    kernel = tower.get_layer("embedding").kernel
    old = kernel.numpy()
    kernel.assign(old * np.linspace(0.5, 2, old.shape[1], dtype=np.float32))
    assert np.abs(model([left, right]).numpy() - before).max() > 1e-4
    kernel.assign(old)


@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
def test_distance_is_that_of_the_embeddings(tower, distance):
    left, right = _pictures(8)[:4], _pictures(8)[4:]
    first, second = tower(left).numpy(), tower(right).numpy()
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second /= np.linalg.norm(second, axis=1, keepdims=True)
    wanted = 1 - (first * second).sum(1) if distance == "cosine" else np.linalg.norm(first - second, axis=1)
    np.testing.assert_allclose(pair_model(tower, distance)([left, right]).numpy()[:, 0], wanted, atol=1e-4)


def test_pair_model_and_batch_give_the_same_loss(tower):
    pictures, labels = _pictures(6), np.array([0, 0, 1, 1, 2, 2])
    batch = float(Contrastive(1.0)(labels, tower(pictures)))
    first, second = np.triu_indices(6, 1)
    distances = pair_model(tower)([pictures[first], pictures[second]]).numpy()[:, 0]
    same = (labels[first] == labels[second]).astype(np.float32)
    losses = pair_contrastive(same, distances**2, 1.0).numpy()
    pairs = 0.5 * (losses[same == 1].mean() + losses[same == 0].mean())
    assert batch == pytest.approx(pairs, abs=1e-5)


def test_unknown_distance(tower):
    with pytest.raises(UsageError, match="cosine, euclidean"):
        pair_model(tower, "manhattan")
