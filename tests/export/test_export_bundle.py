from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge_runtime.errors import DataError, TowerError, UsageError, WriteError
from edge_runtime.towers.bundle import Bundle, pack_bundle
from edge_runtime.towers.tower import Tower
from export.delivery.bundle import refuse_unwritable, write_proven
from export.sources.run import public_training, read_run

MakeRun = Callable[..., Path]
ROOT = Path(__file__).resolve().parents[2]


def test_the_file_is_written_and_proven(exported: Bundle, tmp_path: Path) -> None:
    path = tmp_path / "new" / "tower.tflite"
    tower = write_proven(path, pack_bundle(exported))
    assert tower.path == path
    assert tower.self_test_cosine > 0.9999
    assert path.read_bytes() == pack_bundle(exported)
    assert [entry.name for entry in path.parent.iterdir()] == ["tower.tflite"]


def test_a_tower_that_fails_its_self_test_never_gets_its_name(exported: Bundle, tmp_path: Path) -> None:
    path = tmp_path / "tower.tflite"
    path.write_bytes(b"the old one")
    turned = replace(exported, golden_embeddings=np.roll(exported.golden_embeddings, 5, axis=1))
    with pytest.raises(TowerError, match="fails its self-test"):
        write_proven(path, pack_bundle(turned))
    assert path.read_bytes() == b"the old one"
    assert [entry.name for entry in tmp_path.iterdir()] == ["tower.tflite"]


def test_a_file_in_place_of_the_folder_is_refused(exported: Bundle, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(WriteError, match="cannot write"):
        write_proven(tmp_path / "file" / "tower.tflite", pack_bundle(exported))
    with pytest.raises(WriteError, match="is no folder"):
        refuse_unwritable(tmp_path / "file" / "deeper" / "tower.tflite")
    with pytest.raises(WriteError, match="it is a folder"):
        refuse_unwritable(tmp_path)
    with pytest.raises(WriteError, match="Choose another path with --study"):
        refuse_unwritable(tmp_path / "tower.tflite", study=tmp_path / "file" / "study")
    with pytest.raises(UsageError, match="are both"):
        refuse_unwritable(tmp_path / "both", study=tmp_path / "both")
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_a_run_that_cut_out_its_own_faces_can_move(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run("moved")
    config = json.loads((run / "config.json").read_text(encoding="utf-8"))
    (run / "config.json").write_text(json.dumps(config | {"data": "/elsewhere/run/faces"}), encoding="utf-8")
    (run / "faces").mkdir()
    assert read_run(run).data == Path("/elsewhere/run/faces")
    (run / "origin.json").write_text("{}", encoding="utf-8")
    assert read_run(run).data == run / "faces"


def test_a_full_disk_leaves_the_old_file_and_nothing_else(exported: Bundle, tmp_path: Path) -> None:
    source, target = tmp_path / "source.tflite", tmp_path / "target" / "tower.tflite"
    write_proven(source, pack_bundle(exported))
    target.parent.mkdir()
    target.write_bytes(b"the old one")
    program = """
import resource, sys
from pathlib import Path
from edge_runtime.towers.bundle import pack_bundle, read_bundle
from edge_runtime.errors import WriteError
from export.delivery.bundle import write_proven
bundle = read_bundle(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))
try:
    write_proven(Path(sys.argv[2]), pack_bundle(bundle))
except WriteError as error:
    print(error)
    raise SystemExit(error.exit_code)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(source), str(target)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 3, done.stderr
    assert "Nothing was changed" in done.stdout
    assert target.read_bytes() == b"the old one"
    assert [entry.name for entry in target.parent.iterdir()] == ["tower.tflite"]


def test_the_card_holds_no_path_of_the_machine_and_nobodys_name(exported: Bundle, faces: Path) -> None:
    card = exported.card
    text = json.dumps([card.training, card.evaluation, card.representative, card.versions])
    assert str(faces) not in text
    assert "/home/somebody" not in text
    assert '"s9"' not in text
    assert card.training["recipe"] == "tiny"
    assert card.training["seed"] == 7
    assert card.representative["people"] == 8
    assert card.representative["pictures"] == 80
    assert len(card.representative["sha256"]) == 64
    assert card.versions["tensorflow"].startswith("2.")


def test_golden_crops_are_drawn_not_taken_from_the_pictures(exported: Bundle) -> None:
    from export.delivery.golden import golden_crops

    np.testing.assert_array_equal(exported.golden_crops, golden_crops(48))
    np.testing.assert_allclose(np.linalg.norm(exported.golden_embeddings, axis=1), 1, atol=1e-5)


def test_thresholds_are_those_of_the_written_file(exported: Bundle, faces: Path, tmp_path: Path) -> None:
    from edge_runtime.images import read_image
    from edge_runtime.measures.metrics import operating_point, pair_scores

    path = tmp_path / "tower.tflite"
    path.write_bytes(pack_bundle(exported))
    tower = Tower.load(path)
    pictures = [(person, n) for person in range(9, 15) for n in range(1, 11)]
    crops = np.stack([read_image(faces / f"s{person}" / f"{n}.png") for person, n in pictures])
    scores = pair_scores(tower.embed(crops), np.array([person for person, _ in pictures]))
    assert [point.target_fmr for point in tower.card.thresholds] == [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1]
    for point in tower.card.thresholds:
        again = operating_point(scores, point.target_fmr)
        assert again is not None
        assert again.threshold == pytest.approx(point.threshold, abs=1e-9)
        assert (again.false_matches, again.impostor_pairs, again.genuine_pairs) == (
            point.false_matches,
            point.impostor_pairs,
            point.genuine_pairs,
        )


def test_people_listed_by_name_become_their_number(make_run: MakeRun) -> None:
    training = public_training(read_run(make_run(train_people=["anna", "bert"])))
    assert training["train_people"] == 2
    assert "data" not in training


@pytest.mark.parametrize(
    ("spoiled", "said"),
    [
        ({"embedding_length": "many"}, "cannot be used"),
        ({"template": {"points": []}}, "'name' is missing"),
        ({"input": {"size_px": 48, "colour": "blue"}}, "must be 'grey', 'rgb' or 'bgr'"),
        ({"input": {"size_px": 48, "colour": "grey", "gamma": 2}}, "gamma"),
    ],
)
def test_a_spoiled_configuration_is_refused(make_run: MakeRun, spoiled: dict[str, object], said: str) -> None:
    with pytest.raises(DataError, match=said):
        read_run(make_run(**spoiled))


def test_a_split_that_holds_someone_twice_is_refused(make_run: MakeRun) -> None:
    with pytest.raises(DataError, match="s2 in training and validation"):
        read_run(make_run(split={"train": ["s1", "s2"], "validation": ["s2"]}))
