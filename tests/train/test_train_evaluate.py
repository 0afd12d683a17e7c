import json
import shutil

import numpy as np
import pytest
from train_helpers import write_people

from edge_runtime.errors import DataError, UsageError
from edge_runtime.faces.align import AlignmentTemplate
from edge_runtime.people import read_faces_mark, write_faces_mark
from train.cli import main
from train.measure.evaluate import evaluate, load_tower


@pytest.fixture(scope="module")
def strangers(tmp_path_factory):
    folder = write_people(tmp_path_factory.mktemp("strangers") / "faces", people=5)
    for person in range(5):
        source = folder / f"p{person}"
        for path in source.iterdir():
            path.write_bytes(path.read_bytes() + b"\0")
        source.rename(folder / f"q{person}")
    return folder


def _halves(run):
    split = json.loads((run / "split.json").read_text())
    return split["train"], split["validation"]


def test_training_people_are_refused_by_name(tiny_run, tiny_faces, capsys):
    train, validation = _halves(tiny_run)
    for tower in (tiny_run, tiny_run / "tower.keras"):
        assert main(["evaluate", str(tower), "--data", str(tiny_faces)]) == 2
        said = capsys.readouterr().err
        assert ", ".join(train) in said
        assert f"--people {','.join(validation)}" in said


def test_training_pictures_under_other_names_are_refused(tiny_run, tiny_faces, tmp_path):
    train, validation = _halves(tiny_run)
    folder = tmp_path / "renamed"
    shutil.copytree(tiny_faces, folder)
    (folder / train[0]).rename(folder / "someone")
    with pytest.raises(UsageError, match="someone"):
        evaluate(tiny_run, folder, people=[*validation, "someone"])


def test_same_numbers_as_the_run_and_files(tiny_run, tiny_faces, tmp_path, capsys):
    words = ["evaluate", str(tiny_run), "--data", str(tiny_faces), "--people", ",".join(_halves(tiny_run)[1])]
    assert main([*words, "--json", "--out", str(tmp_path / "out")]) == 0
    printed = json.loads(capsys.readouterr().out)
    for key, value in json.loads((tiny_run / "metrics.json").read_text())["validation"].items():
        assert printed[key] == value
    assert json.loads((tmp_path / "out" / "metrics.json").read_text()) == printed
    for name in ("roc", "hist", "det"):
        assert (tmp_path / "out" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert main([*words, "--out", str(tmp_path / "out")]) == 2
    assert "--force" in capsys.readouterr().err


def test_strangers_are_counted(tiny_run, strangers):
    result = evaluate(tiny_run, strangers).result
    assert (result.people, result.pictures, result.genuine_pairs, result.impostor_pairs) == (5, 20, 30, 160)
    assert "not resolvable" in evaluate(tiny_run, strangers).result.as_text()


def test_unknown_people(tiny_run, strangers):
    with pytest.raises(UsageError, match="q9"):
        evaluate(tiny_run, strangers, people=["q0", "q9"])


def test_another_template_is_refused(tiny_run, strangers, tmp_path):
    folder = tmp_path / "faces"
    shutil.copytree(strangers, folder)
    mark = read_faces_mark(folder)
    other = AlignmentTemplate(name="other", points=((0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.5, 0.8)))
    write_faces_mark(folder, {**mark, "template": {"name": "other", "points": [list(p) for p in other.points]}})
    with pytest.raises(DataError, match="'other'"):
        evaluate(tiny_run, folder)


@pytest.mark.parametrize("name", ["missing", "missing.tflite", "missing.keras"])
def test_what_is_no_tower(name, strangers, tmp_path, capsys):
    assert main(["evaluate", str(tmp_path / name), "--data", str(strangers)]) in (2, 3)
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1


def test_damaged_tower_and_lone_keras_file(tiny_run, strangers, tmp_path, capsys):
    shutil.copy(tiny_run / "tower.keras", tmp_path / "tower.keras")
    with pytest.raises(DataError, match=r"lacks config\.json"):
        evaluate(tmp_path / "tower.keras", strangers)
    shutil.copy(tiny_run / "config.json", tmp_path / "config.json")
    assert evaluate(tmp_path / "tower.keras", strangers).result.people == 5
    (tmp_path / "tower.keras").write_bytes(b"PK damaged")
    assert main(["evaluate", str(tmp_path / "tower.keras"), "--data", str(strangers)]) == 3
    assert "is damaged" in capsys.readouterr().err


def test_a_run_that_no_longer_says_who_was_trained_on_is_refused(tiny_run, tiny_faces, tmp_path):
    shutil.copytree(tiny_run, tmp_path / "run")
    (tmp_path / "run" / "split.json").unlink()
    with pytest.raises(DataError, match=r"no split\.json"):
        evaluate(tmp_path / "run", tiny_faces)


@pytest.mark.parametrize(
    "option",
    ["--seed=-1", "--ways=0", "--shots=0", "--shots=4", "--trials=0", "--trials=99999999999", "--resamples=99999999"],
)
def test_numbers_that_measure_nothing_or_never_end(option, tiny_run, strangers, capsys):
    assert main(["evaluate", str(tiny_run), "--data", str(strangers), option]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert option.split("=")[0] in printed.err


def test_force_does_not_write_over_the_run(tiny_run, strangers, capsys):
    before = (tiny_run / "metrics.json").read_bytes()
    assert main(["evaluate", str(tiny_run), "--data", str(strangers), "--out", str(tiny_run), "--force"]) == 2
    assert "holds a run" in capsys.readouterr().err
    assert (tiny_run / "metrics.json").read_bytes() == before


def test_keras_tower_embeds_any_number(tiny_run):
    tower = load_tower(tiny_run)
    pixels = np.random.default_rng(0).integers(0, 256, (131, 16, 16, 1), dtype=np.uint8)
    rows = tower.embed(pixels)
    assert rows.shape == (131, 8)
    np.testing.assert_allclose(rows[130], tower.embed(pixels[130:])[0], atol=1e-5)
