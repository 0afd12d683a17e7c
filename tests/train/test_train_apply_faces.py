"""Applications on real people whom the tower was not trained on: s31 to s40 of the AT&T faces."""

import json
import shutil

import cv2
import numpy as np
import pytest

from edge_runtime.errors import DataError, UsageError
from edge_runtime.images import read_image
from train.apply.compare import compare_pictures
from train.apply.embed_files import embed_files, list_pictures
from train.apply.oneshot import embed_examples, find_examples, guess_classes
from train.apply.similar import find_similar
from train.apply.threshold import choose_threshold
from train.cli import main
from train.measure.evaluate import load_tower


@pytest.fixture(scope="module")
def tower(att_run):
    return load_tower(att_run)


@pytest.fixture(scope="module")
def embedded(tower, att_strangers):
    return embed_files(tower, list_pictures([att_strangers]))


@pytest.fixture(scope="module")
def examples(att_strangers, tmp_path_factory):
    """The first picture of each stranger, named after them."""
    folder = tmp_path_factory.mktemp("examples")
    for person in att_strangers.iterdir():
        shutil.copy(person / "1.pgm", folder / f"{person.name}.pgm")
    return folder


def test_two_pictures_of_one_person_are_told_from_two_people(att_run, tower, att_strangers):
    threshold = choose_threshold(att_run)
    people = [att_strangers / f"s{person}" for person in range(31, 41)]
    genuine, impostor = [], []
    for person, other in zip(people, [*people[1:], people[0]], strict=True):
        genuine.append(compare_pictures(tower, person / "1.pgm", person / "10.pgm", threshold=threshold))
        impostor.append(compare_pictures(tower, person / "1.pgm", other / "1.pgm", threshold=threshold))
    assert sum(result.same for result in genuine) >= 7
    assert sum(result.same for result in impostor) <= 2
    means = [np.mean([result.similarity for result in results]) for results in (genuine, impostor)]
    assert means[0] > means[1] + 0.4


def test_a_comparison_is_that_of_the_evaluation(tower, embedded):
    first, second = embedded.paths[3], embedded.paths[44]
    result = compare_pictures(tower, first, second, threshold=choose_threshold("no tower", threshold=0.5))
    assert result.similarity == pytest.approx(float(embedded.embeddings[3] @ embedded.embeddings[44]), abs=1e-5)
    gap = np.linalg.norm(embedded.embeddings[3] - embedded.embeddings[44])
    assert result.distance == pytest.approx(float(gap), abs=1e-4)
    alone = compare_pictures(tower, first, first, threshold=result.threshold)
    assert (alone.similarity, alone.distance) == (pytest.approx(1), pytest.approx(0, abs=1e-3))


def test_compare_says_so_by_its_exit_code_and_draws_it(att_run, att_strangers, tmp_path, capsys):
    first, second = att_strangers / "s35" / "1.pgm", att_strangers / "s32" / "1.pgm"
    words = ["--tower", str(att_run), "--out", str(tmp_path / "pair.png")]
    assert main(["compare", str(first), str(first), *words]) == 0
    said = capsys.readouterr()
    assert "same" in said.out
    assert "EER threshold of the run's validation people" in said.out
    assert read_image(tmp_path / "pair.png").shape[1] > 2 * 224
    assert main(["compare", str(first), str(second), *words]) == 2
    assert "--force" in capsys.readouterr().err
    assert main(["compare", str(first), str(second), *words, "--force", "--json", "--threshold", "0.99"]) == 1
    printed = json.loads(capsys.readouterr().out)
    assert (printed["verdict"], printed["threshold"], printed["threshold_source"]) == ("different", 0.99, "option")
    assert printed["similarity"] < 0.99


def test_one_example_a_person_names_strangers(tower, att_strangers, examples):
    enrolled = embed_examples(tower, find_examples(examples))
    probes = [path for path in list_pictures([att_strangers]) if path.name != "1.pgm"]
    guesses = guess_classes(embed_files(tower, probes), enrolled)
    assert len(guesses) == 90
    right = [guess.nearest == guess.path.parent.name for guess in guesses]
    # Chance is 10 %; the tower of this test reaches about 80 %.
    assert np.mean(right) > 0.6
    margins = np.array([guess.margin for guess in guesses])
    assert (margins >= 0).all()
    assert margins[right].mean() > margins[np.logical_not(right)].mean()


def test_people_without_an_example_are_rejected_more_often(tower, att_strangers, examples, tmp_path):
    for person in range(31, 36):
        shutil.copy(examples / f"s{person}.pgm", tmp_path)
    enrolled = embed_examples(tower, find_examples(tmp_path))
    probes = embed_files(tower, list_pictures([att_strangers]))
    guesses = guess_classes(probes, enrolled, reject_below=0.5)
    known = {int(name[1:]): [] for name in (f"s{person}" for person in range(31, 41))}
    for guess in guesses:
        known[int(guess.path.parent.name[1:])].append(guess.known)
    enrolled_share = np.mean([share for person in range(31, 36) for share in known[person]])
    foreign_share = np.mean([share for person in range(36, 41) for share in known[person]])
    assert enrolled_share > foreign_share + 0.25
    assert {guess.answer for guess in guesses} <= {"unknown", *(f"s{person}" for person in range(31, 36))}


def test_classify_prints_a_table_and_json_lines(att_run, att_strangers, examples, tmp_path, capsys):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    pictures = [str(att_strangers / "s33"), str(att_strangers / "s38"), str(broken)]
    words = ["classify", "--tower", str(att_run), "--examples", str(examples), "--score", *pictures]
    assert main(words) == 0
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 21
    assert f"left out: {broken} is not a picture" in said.err
    assert "20 pictures, 10 classes; 0 unknown, 1 left out" in said.err
    right = int(said.err.split("right: ")[1].split()[0])
    assert right >= 12
    assert main([*words[:-3], str(examples)]) == 2
    assert "named after a class" in capsys.readouterr().err
    assert main([*words, "--json", "--reject-below", "1"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == 21
    # Only the examples themselves are that similar.
    assert sum(line.get("class") != "unknown" for line in lines[:20]) <= 2
    assert lines[20] == {"picture": str(broken), "skipped": lines[20]["skipped"]}


def test_the_most_similar_picture_is_of_the_same_person(tower, embedded, att_strangers):
    cosines = embedded.embeddings @ embedded.embeddings.T
    np.fill_diagonal(cosines, -2)
    people = np.array([path.parent.name for path in embedded.paths])
    hits = people[cosines.argmax(axis=1)] == people
    assert hits.mean() > 0.85
    for row in (0, 50, 99):
        ranked = find_similar(tower, embedded.paths[row], att_strangers, top=3)
        assert (ranked.searched, len(ranked.found)) == (99, 3)
        assert ranked.found[0][1] == pytest.approx(float(cosines[row].max()), abs=1e-5)
        assert ranked.found[0][0] == embedded.paths[cosines[row].argmax()]
        assert sorted((score for _, score in ranked.found), reverse=True) == [score for _, score in ranked.found]


def test_similar_draws_a_sheet_and_finds_a_copy_first(att_run, att_strangers, tmp_path, capsys):
    folder = tmp_path / "folder"
    shutil.copytree(att_strangers, folder)
    (folder / "deep").mkdir()
    shutil.copy(att_strangers / "s37" / "4.pgm", folder / "deep" / "copy.pgm")
    (folder / "broken.png").write_bytes(b"")
    words = ["similar", str(att_strangers / "s37" / "4.pgm"), "--tower", str(att_run), "--folder", str(folder)]
    assert main([*words, "--top", "6", "--out", str(tmp_path / "sheet.png"), "--json"]) == 0
    said = capsys.readouterr()
    printed = json.loads(said.out)
    assert {item["picture"] for item in printed["found"][:2]} == {
        str(folder / "deep" / "copy.pgm"),
        str(folder / "s37" / "4.pgm"),
    }
    assert [item["picture"] for item in printed["skipped"]] == [str(folder / "broken.png")]
    assert read_image(tmp_path / "sheet.png").shape[1] > 5 * 140
    assert main([*words, "--top", "0"]) == 2
    assert main([*words, "--out", str(tmp_path / "sheet.jpg")]) == 2
    assert "ends with .png" in capsys.readouterr().err


def test_prepared_faces_are_known_to_be_aligned(att_run, tower):
    """And the sheets that lie beside them are none."""
    faces = att_run / "faces"
    assert len(list_pictures([faces])) == 300
    assert list(faces.glob("*.png"))
    assert list(find_examples(faces)) == [f"s{person}" for person in range(1, 31)]
    prepared = embed_files(tower, list_pictures([faces])[:20])
    said_so = embed_files(tower, list_pictures([faces])[:20], aligned=True)
    assert len(prepared.paths) == 20
    np.testing.assert_array_equal(prepared.embeddings, said_so.embeddings)


def test_what_cannot_be_used(tower, att_strangers, tmp_path):
    two = np.concatenate([read_image(att_strangers / "s31" / "1.pgm"), read_image(att_strangers / "s35" / "1.pgm")], 1)
    cv2.imwrite(str(tmp_path / "two.png"), cv2.resize(two, None, fx=2, fy=2))
    cv2.imwrite(str(tmp_path / "none.png"), np.full((120, 120, 3), 128, np.uint8))
    cv2.imwrite(str(tmp_path / "dark.png"), two[:, :92] // 8)
    with pytest.raises(DataError, match="none of the 3 pictures can be used"):
        embed_files(tower, list_pictures([tmp_path]))
    mixed = embed_files(tower, [*list_pictures([tmp_path]), att_strangers / "s31" / "1.pgm"])
    assert len(mixed.paths) == 1
    reasons = " ".join(item.reason for item in mixed.skipped)
    assert "no face" in reasons
    assert "2 faces" in reasons
    assert "too-dark" in reasons
    with pytest.raises(DataError, match="does not exist"):
        list_pictures([tmp_path / "gone"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no pictures"):
        list_pictures([tmp_path / "empty"])


def test_examples_that_make_no_classes(tower, examples, tmp_path):
    with pytest.raises(DataError, match="not a folder"):
        find_examples(tmp_path / "gone")
    shutil.copy(examples / "s31.pgm", tmp_path / "anna.pgm")
    with pytest.raises(DataError, match="holds 1 classes"):
        find_examples(tmp_path)
    (tmp_path / "ben").mkdir()
    (tmp_path / "ben" / "x.pgm").write_bytes(b"no picture")
    classes = find_examples(tmp_path)
    assert list(classes) == ["anna", "ben"]
    with pytest.raises(DataError, match="1 of the examples"):
        embed_examples(tower, classes)
    shutil.copytree(tmp_path / "ben", tmp_path / "anna")
    with pytest.raises(UsageError, match="'anna'"):
        find_examples(tmp_path)
