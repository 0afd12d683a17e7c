import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.errors import UsageError
from train.recipe import config_from_mapping, config_to_mapping, known_recipes, load_config


@pytest.mark.parametrize("recipe", ["faces-small", "att"])
def test_recipes_load_and_round_trip(recipe):
    config = load_config(recipe, seed=7)
    assert config.recipe == recipe
    assert config.seed == 7
    assert config_from_mapping(config_to_mapping(config)) == config


def test_all_recipes_are_tested():
    assert known_recipes() == ["att", "faces-small", "fashion", "fashion-tutorial", "few-people", "small"]


def test_settings_win_over_the_recipe(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('seed = 3\n[input]\nsize_px = 32\ncolour = "rgb"\n[tower]\nwidth = 8\n')
    config = load_config(str(path), ["tower.width=12", "input.colour=grey", "tower.blocks=[1, 2]"])
    assert config.recipe == "mine"
    assert (config.seed, config.tower.width, config.input.colour, config.tower.blocks) == (3, 12, "grey", (1, 2))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("tower.colour=3", "unknown key 'tower.colour'"),
        ("colour=3", "unknown key 'colour'"),
        ("tower.width=two", "tower.width must be a whole number"),
        ("tower.width=2.5", "tower.width must be a whole number"),
        ("tower.width=true", "tower.width must be a whole number"),
        ("tower.width=100000", "tower.width must be from 4 to 256"),
        ("tower.head=neck", "average, flatten, max"),
        ("tower.blocks=3", "list of whole numbers"),
        ("tower.blocks=[]", "1 to 5 numbers"),
        ("tower=3", "section of keys"),
        ("tower.width", "key=value"),
        ("=3", "key=value"),
        ("seed.x=3", "not a section"),
        ("loss.margin=nan", "loss.margin must be from"),
        ("schedule.learning_rate=0", "schedule.learning_rate must be"),
        ("augment.flip=1.5", "augment.flip must be from 0 to 1"),
        ("split.validation=1.0", "split.validation"),
        ("input.colour=bgr", "'grey' or 'rgb'"),
        ("seed=-1", "seed must be"),
    ],
)
def test_a_wrong_setting_is_one_clear_line(setting, message):
    with pytest.raises(UsageError, match=message.replace("[", r"\[")) as caught:
        load_config("att", ["seed=1", setting])
    assert "\n" not in str(caught.value)


def test_unknown_recipe_names_the_known_ones(tmp_path):
    with pytest.raises(UsageError, match="att, faces-small"):
        load_config("nope")
    bad = tmp_path / "bad.toml"
    bad.write_text("a = = 3")
    with pytest.raises(UsageError, match="not valid TOML"):
        load_config(str(bad))
    empty = tmp_path / "empty.toml"
    empty.write_text("")
    with pytest.raises(UsageError, match="lacks input"):
        load_config(str(empty))


@given(st.dictionaries(st.text(max_size=6), st.one_of(st.integers(), st.text(max_size=5), st.none()), max_size=4))
def test_any_mapping_is_a_configuration_or_a_usage_error(values):
    try:
        config = config_from_mapping({"recipe": "x", "input": {"size_px": 32, "colour": "rgb"}, **values})
    except UsageError:
        return
    assert dataclasses.is_dataclass(config)


def test_blue_first_is_for_towers_of_others():
    with pytest.raises(UsageError, match="'bgr' is for towers that others trained"):
        load_config("att", ["input.colour=bgr"])
