from edge_runtime.towers.preprocess import InputSpec
from train.config import TowerConfig
from train.keras_quietly import keras
from train.towers.build import build_tower
from train.towers.macs import count_macs


def test_each_kind_of_layer_by_hand():
    layers = keras.layers
    inputs = keras.Input((10, 12, 3))
    values = layers.Conv2D(4, 3, strides=2, padding="same")(inputs)  # 5×6 places × 27 × 4
    values = layers.DepthwiseConv2D(3, padding="valid")(values)  # 3×4 places × 9 × 4
    values = layers.SeparableConv2D(6, 3, padding="same")(values)  # 12 places × (9 × 4 + 4 × 6)
    values = layers.Conv2D(8, 1, groups=2)(values)  # 12 places × 3 × 8
    outputs = layers.Dense(5)(layers.Flatten()(values))  # 96 × 5
    by_hand = 30 * 27 * 4 + 12 * 36 + 12 * (36 + 24) + 12 * 24 + 96 * 5
    model = keras.Model(inputs, outputs)
    assert count_macs(model) == by_hand
    outer = keras.Input((10, 12, 3))
    assert count_macs(keras.Model(outer, layers.Dense(2)(model(outer)))) == by_hand + 5 * 2


def test_normalisation_and_pooling_are_not_counted():
    inputs = keras.Input((8, 8, 2))
    values = keras.layers.MaxPooling2D()(keras.layers.BatchNormalization()(inputs))
    assert count_macs(keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(values))) == 0


def test_a_plain_tower_by_hand():
    spec = InputSpec(size_px=16, colour="grey")
    tower = build_tower(spec, TowerConfig(width=4, blocks=(1,), embedding_length=8, head="flatten"))
    # Stem 8×8×(3·3·1)×4, two convolutions 8×8×(3·3·4)×4, dense 8·8·4×8.
    assert count_macs(tower) == 64 * 36 + 2 * 64 * 144 + 256 * 8


def test_the_tutorial_by_hand():
    spec = InputSpec(size_px=28, colour="grey")
    tower = build_tower(spec, TowerConfig(name="tutorial", width=64, embedding_length=48, head="average"))
    assert count_macs(tower) == 28 * 28 * 4 * 64 + 14 * 14 * 4 * 64 * 64 + 64 * 48


def test_the_papers_numbers():
    face = TowerConfig(name="mobilefacenet", width=64, embedding_length=128)
    v2 = TowerConfig(name="mobilenet-v2", width=32, embedding_length=1000, head="average")
    # 221 and 300 million, as the papers and those who compare them say.
    assert round(count_macs(build_tower(InputSpec(size_px=112, colour="rgb"), face)) / 1e6) == 221
    assert round(count_macs(build_tower(InputSpec(size_px=224, colour="rgb"), v2)) / 1e6) in (300, 301)
