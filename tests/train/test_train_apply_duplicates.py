import json
import shutil

import cv2
import numpy as np
import pytest

from edge_runtime.errors import DataError, UsageError
from train.apply.duplicates import find_duplicates
from train.apply.embed_files import embed_files, list_pictures
from train.cli import main
from train.data.fingerprints import thumbprint
from train.measure.evaluate import load_tower


@pytest.fixture
def folder(att_strangers, tmp_path):
    """Forty photographs of four people, a re-encoded one, a small one, and a file three times."""
    root = tmp_path / "folder"
    for person in range(31, 35):
        shutil.copytree(att_strangers / f"s{person}", root / f"s{person}")
    first, second = (cv2.imread(str(root / name / "1.pgm"), cv2.IMREAD_GRAYSCALE) for name in ("s31", "s32"))
    cv2.imwrite(str(root / "again.jpg"), first, [cv2.IMWRITE_JPEG_QUALITY, 50])
    cv2.imwrite(str(root / "small.png"), cv2.resize(second, (46, 56), interpolation=cv2.INTER_AREA))
    (root / "copies").mkdir()
    for name in ("a.pgm", "b.pgm"):
        shutil.copy(root / "s33" / "1.pgm", root / "copies" / name)
    return root


def _names(folder, found):
    return [(group.kind, sorted(path.relative_to(folder).as_posix() for path in group.pictures)) for group in found]


def test_no_photograph_of_the_att_faces_is_there_twice(att_faces):
    found = find_duplicates(list_pictures([att_faces]))
    assert (found.searched, found.groups, found.skipped) == (400, (), ())


def test_copies_are_found_and_other_photographs_are_not(folder):
    found = find_duplicates(list_pictures([folder]))
    assert found.searched == 44
    assert sorted(_names(folder, found.groups)) == [
        ("near-duplicate", ["again.jpg", "s31/1.pgm"]),
        ("near-duplicate", ["s32/1.pgm", "small.png"]),
        ("same-bytes", ["copies/a.pgm", "copies/b.pgm", "s33/1.pgm"]),
    ]


def test_the_command_writes_and_deletes_nothing(folder, tmp_path, capsys):
    (folder / "broken.png").write_bytes(b"no picture")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    out = tmp_path / "groups.json"
    assert main(["duplicates", str(folder), "--json", "--out", str(out)]) == 0
    said = capsys.readouterr()
    printed = json.loads(said.out)
    assert printed == json.loads(out.read_text())
    assert printed["kinds"] == {"near-duplicate": 2, "same-bytes": 1}
    assert [item["picture"] for item in printed["skipped"]] == [str(folder / "broken.png")]
    assert "44 pictures compared, 1 left out, 3 groups" in said.err
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert main(["duplicates", str(folder), "--out", str(out)]) == 2
    assert "--force" in capsys.readouterr().err
    assert main(["duplicates", str(folder / "s31")]) == 0
    assert capsys.readouterr().out == "no duplicates\n"


def test_a_tower_also_finds_the_same_content(folder, att_run):
    """A trimmed copy has other pixels everywhere, but the same face."""
    tower = load_tower(att_run)
    whole = cv2.imread(str(folder / "s34" / "1.pgm"), cv2.IMREAD_GRAYSCALE)
    cv2.imwrite(str(folder / "trimmed.png"), whole[3:-3, 3:-3])
    alike = embed_files(tower, [folder / "trimmed.png", folder / "s34" / "1.pgm"]).embeddings
    limit = float(alike[0] @ alike[1]) - 1e-3
    with_tower = find_duplicates(list_pictures([folder]), tower=tower, same_above=limit)
    content = [names for kind, names in _names(folder, with_tower.groups) if kind == "same-content"]
    assert any({"s34/1.pgm", "trimmed.png"} <= set(names) for names in content)
    without = find_duplicates(list_pictures([folder]))
    assert not any("trimmed.png" in names for _, names in _names(folder, without.groups))


def test_a_chain_of_links_is_one_group(att_strangers, tmp_path):
    source = cv2.imread(str(att_strangers / "s31" / "1.pgm"), cv2.IMREAD_GRAYSCALE)
    for quality in (95, 70, 45):
        cv2.imwrite(str(tmp_path / f"{quality}.jpg"), source, [cv2.IMWRITE_JPEG_QUALITY, quality])
    shutil.copy(tmp_path / "45.jpg", tmp_path / "45-copy.jpg")
    [group] = find_duplicates(list_pictures([tmp_path])).groups
    assert (group.kind, len(group.pictures)) == ("near-duplicate", 4)


def test_flat_pictures_are_copies_only_by_their_bytes(tmp_path):
    for name, grey in (("a", 10), ("b", 200), ("c", 200)):
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.full((40, 40), grey, np.uint8))
    assert not thumbprint(np.full((40, 40), 99, np.uint8)).any()
    [group] = find_duplicates(list_pictures([tmp_path])).groups
    assert _names(tmp_path, [group]) == [("same-bytes", ["b.png", "c.png"])]


def test_limits_and_options_that_make_no_sense(tiny_faces, tmp_path, capsys):
    paths = list_pictures([tiny_faces])
    with pytest.raises(UsageError, match="0 to 64"):
        find_duplicates(paths, bits=65)
    with pytest.raises(UsageError, match="--same-above"):
        find_duplicates(paths, same_above=float("nan"))
    assert main(["duplicates", str(tiny_faces), "--aligned"]) == 2
    assert "for --tower" in capsys.readouterr().err
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(DataError, match="none of the 1 pictures can be read"):
        find_duplicates(list_pictures([tmp_path]))
