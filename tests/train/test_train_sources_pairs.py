import numpy as np
import pytest
from source_helpers import png, write_files

from edge_runtime.errors import DataError
from edge_runtime.towers.preprocess import InputSpec
from train.data.faces import load_faces
from train.data.pairs import read_pairs, resolve_pairs

BODY = "Ann\t1\t2\nBo\t1\t3\nAnn\t1\tBo\t1\nBo\t2\tAnn\t2\nBo\t2\t3\nAnn\t1\t2\nBo\t3\tAnn\t2\nAnn\t2\tBo\t2\n"


@pytest.fixture
def faces(tmp_path):
    names = ["Ann/Ann_0001.png", "Ann/Ann_0002.png", *(f"Bo/Bo_000{number}.png" for number in (1, 2, 3))]
    write_files(tmp_path / "faces", {name: png(number) for number, name in enumerate(names)})
    return load_faces(tmp_path / "faces", InputSpec(size_px=16, colour="grey"))


def read(tmp_path, text):
    (tmp_path / "pairs.txt").write_text(text, encoding="utf-8")
    return read_pairs(tmp_path / "pairs.txt")


@pytest.mark.parametrize("head", ["2\t2\n", ""])
@pytest.mark.parametrize("mark", ["\t", " ", ",", ", "])
def test_the_form_of_lfw_with_and_without_counts(tmp_path, faces, head, mark):
    pairs = read(tmp_path, (head + BODY).replace("\t", mark))
    assert [pair.genuine for pair in pairs] == [True, True, False, False] * 2
    assert [pair.fold for pair in pairs] == [0] * 4 + [1] * 4
    assert [pair.line for pair in pairs] == list(range(1 + bool(head), 9 + bool(head)))
    found = resolve_pairs(pairs, faces)
    assert found.left.tolist() == [0, 2, 0, 3, 3, 0, 4, 1]
    assert found.right.tolist() == [1, 4, 2, 1, 4, 1, 1, 3]
    assert found.missing == ()
    np.testing.assert_array_equal(found.genuine, faces.labels[found.left] == faces.labels[found.right])
    assert found.folds.tolist() == [0] * 4 + [1] * 4


def test_one_count_is_one_fold(tmp_path):
    assert {pair.fold for pair in read(tmp_path, "2\nAnn 1 2\nBo 1 3\nAnn 1 Bo 1\nBo 2 Ann 2\n")} == {0}


@pytest.mark.parametrize("head", ["2 3\n", "1 2\n", "3 2\n", "3\n", "0 0\n"])
def test_counts_that_do_not_match_are_refused(tmp_path, head):
    with pytest.raises(DataError, match=r"promises .* folds of"):
        read(tmp_path, head + BODY)


@pytest.mark.parametrize(
    "text",
    [
        "Ann/Ann_0001.jpg Bo/Bo_0001.jpg 0\n/data/lfw/Bo/Bo_0002.jpg Bo/Bo_0003.png 1\n",
        "left,right,same\nAnn/Ann_0001.jpg,Bo/Bo_0001.jpg,0\nlfw/Bo/Bo_0002.jpg,./Bo/Bo_0003.png,1\n",
        "Ann\\Ann_0001.jpg\tBo\\Bo_0001\t0\t0\n\n# the second\nBo/Bo_0002.webp\tBo/Bo_0003.png\t1\t0\n",
        'left,right,same\n"Ann/Ann_0001.jpg","Bo/Bo_0001.jpg",0,0\n"Bo/Bo_0002.jpg","Bo/Bo_0003.jpg",1,0\n',
    ],
)
def test_lists_of_paths(tmp_path, faces, text):
    pairs = read(tmp_path, text)
    found = resolve_pairs(pairs, faces)
    assert found.left.tolist() == [0, 3]
    assert found.right.tolist() == [2, 4]
    assert found.genuine.tolist() == [False, True]


def test_folds_of_paths_are_read(tmp_path):
    text = "".join(f"a/{n}.png,b/{n}.png,{n % 2},{n}\n" for n in range(10))
    assert [pair.fold for pair in read(tmp_path, text)] == list(range(10))


def test_the_table_of_names_and_numbers(tmp_path):
    pairs = read(tmp_path, "name,imagenum1,imagenum2,\nAnn,1,2,\nBo,1,3,\n")
    assert [pair.genuine for pair in pairs] == [True, True]
    assert pairs[0].left == ("Ann/Ann_0001", "Ann/1")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("Ann 1", "line 2: 'Ann 1' is no pair"),
        ("Ann one two", "line 2: 'Ann one two' is no pair"),
        ("Ann 1 2 Bo 3", "line 2"),
        ("a/1.png b/1.png 2", "line 2"),
        ("a/1.png b/1.png yes", "line 2"),
        ("Ann -1 2", "line 2"),
        ("Ann 2 2", "line 2: a picture is no pair with itself"),
    ],
)
def test_a_malformed_line_is_named_by_its_number(tmp_path, line, words):
    with pytest.raises(DataError, match=words):
        read(tmp_path, f"Ann 1 2\n{line}\n")


def test_lists_that_cannot_be_used(tmp_path):
    with pytest.raises(DataError, match="cannot read the list"):
        read_pairs(tmp_path / "none.txt")
    with pytest.raises(DataError, match="holds no pairs"):
        read(tmp_path, "\n# nothing\n")
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="cannot read the list"):
        read_pairs(tmp_path / "bytes.txt")


def test_pairs_of_missing_pictures_are_left_out_and_named(tmp_path, faces):
    found = resolve_pairs(read(tmp_path, "Ann 1 2\nAnn 1 9\nCy 1 Bo 1\n"), faces)
    assert (found.left.tolist(), found.missing) == ([0], ("Ann/Ann_0009", "Cy/Cy_0001"))
    with pytest.raises(DataError, match="none of the 1 pairs"):
        resolve_pairs(read(tmp_path, "Cy 1 2\n"), faces)


def test_pictures_that_differ_in_their_suffix_alone_are_refused(tmp_path):
    write_files(tmp_path / "x", {name: png(1) for name in ("a/1.png", "a/1.bmp", "b/1.png")})
    faces = load_faces(tmp_path / "x", InputSpec(size_px=16, colour="grey"))
    with pytest.raises(DataError, match="differ in their suffix alone"):
        resolve_pairs(read(tmp_path, "a/1.png b/1.png 0\n"), faces)


def test_numbers_of_pictures_that_are_named_plainly(tmp_path, att_faces):
    files = {f"{s}/{n}.pgm": (att_faces / s / f"{n}.pgm").read_bytes() for s in ("s1", "s2") for n in (1, 2, 10)}
    places = {name: b"P5\n92 92\n255\n" + data[-92 * 92 :] for name, data in files.items()}
    faces = load_faces(write_files(tmp_path / "att", places), InputSpec(size_px=92, colour="grey"))
    found = resolve_pairs(read(tmp_path, "s1 1 10\ns1 2 s2 10\n"), faces)
    assert [faces.names[row] for row in (*found.left, *found.right)] == [
        "s1/1.pgm",
        "s1/2.pgm",
        "s1/10.pgm",
        "s2/10.pgm",
    ]
