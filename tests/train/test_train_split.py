import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.errors import DataError, UsageError
from train.data.split import Split, check_split, read_split, split_people, write_split

NAMES = st.lists(st.text("abcdef0123456789", min_size=1, max_size=4), min_size=4, max_size=40, unique=True)


@given(names=NAMES, share=st.floats(0.01, 0.9), seed=st.integers(0, 99))
def test_nobody_is_in_both_halves_and_nobody_is_lost(names, share, seed):
    split = split_people(names, validation=share, seed=seed)
    assert not set(split.train) & set(split.validation)
    assert sorted(split.train + split.validation) == sorted(names)
    assert min(len(split.train), len(split.validation)) >= 2
    assert split == split_people(list(reversed(names)), validation=share, seed=seed)


def test_share_and_seed():
    names = [f"s{number}" for number in range(30)]
    assert len(split_people(names, validation=0.2, seed=0).validation) == 6
    assert len({split_people(names, validation=0.2, seed=seed).validation for seed in range(10)}) > 5


def test_file_round_trip(tmp_path):
    split = split_people(["a", "b", "c", "d", "é"], validation=0.4, seed=9)
    assert read_split(write_split(tmp_path / "split.json", split)) == split


@pytest.mark.parametrize("text", ["{}", '{"train": "ab", "validation": []}', "[]", "nonsense", '{"train": [1, 2]}'])
def test_a_damaged_file_is_refused(tmp_path, text):
    path = tmp_path / "split.json"
    path.write_text(text)
    with pytest.raises(DataError):
        read_split(path)


def test_wrong_splits():
    with pytest.raises(DataError, match="four people"):
        split_people(["a", "b", "c"], validation=0.2, seed=0)
    with pytest.raises(UsageError, match="both train and validation"):
        Split(seed=0, train=("a", "b"), validation=("b", "c"))
    with pytest.raises(DataError, match="fewer than two"):
        Split(seed=0, train=("a",), validation=("b", "c"))
    with pytest.raises(DataError, match="not in the data: d"):
        check_split(Split(seed=0, train=("a", "b"), validation=("c", "d")), ["a", "b", "c"])
