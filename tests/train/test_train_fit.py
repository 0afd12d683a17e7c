import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from train_helpers import TINY, tiny_config, write_people

from edge_runtime.errors import DataError, SiamliteError, UsageError, WriteError
from edge_runtime.people import scan_people
from train.cli import main
from train.fitting.checkpoint import read_state
from train.fitting.epochs import enough_memory
from train.fitting.fit import fit
from train.fitting.log import EpochLog, read_log
from train.keras_quietly import load_keras, tf

ROOT = Path(__file__).resolve().parents[2]


def _rows(run):
    with open(run / "log.csv", newline="") as stream:
        return list(csv.DictReader(stream))


def _weights(path):
    return load_keras(path).get_weights()


def test_all_files_are_written(tiny_run, tiny_faces):
    config = json.loads((tiny_run / "config.json").read_text())
    assert config["finished"] is True
    assert config["input"] == {"size_px": 16, "colour": "grey", "scale": 1 / 127.5, "offset": -1.0}
    assert config["template"]["name"] == "eyes-nose-mouth"
    assert (config["people"], config["pictures"], config["train_people"], config["validation_people"]) == (6, 24, 4, 2)
    assert config["data"] == str(tiny_faces)
    assert (config["recipe"], config["seed"], config["embedding_length"]) == ("att", 5, 8)
    assert len(config["data_sha256"]) == 64
    assert set(config["versions"]) == {"python", "tensorflow", "keras", "numpy", "opencv", "siamlite"}
    split = json.loads((tiny_run / "split.json").read_text())
    assert sorted(split["train"] + split["validation"]) == [person.name for person in scan_people(tiny_faces)]
    metrics = json.loads((tiny_run / "metrics.json").read_text())["validation"]
    assert metrics["tar_at_far"]["0.001"] is None
    assert (metrics["genuine_pairs"], metrics["impostor_pairs"]) == (12, 16)
    assert [row["epoch"] for row in _rows(tiny_run)] == ["0", "1"]
    assert list((tiny_run / "tensorboard").rglob("events.*"))
    for name in ("training", "scores", "roc", "det"):
        assert (tiny_run / "plots" / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_tower_is_the_one_that_the_metrics_are_of(tiny_run, tiny_faces):
    from edge_runtime.towers.preprocess import InputSpec, normalise
    from train.data.faces import load_faces
    from train.measure.verify import verify

    tower = load_keras(tiny_run / "tower.keras")
    spec = InputSpec(size_px=16, colour="grey")
    split = json.loads((tiny_run / "split.json").read_text())
    faces = load_faces(tiny_faces, spec).select(split["validation"])
    result, _ = verify(tower(normalise(faces.pixels, spec), training=False).numpy(), faces.labels)
    assert result.as_mapping() == json.loads((tiny_run / "metrics.json").read_text())["validation"]


def test_training_lowers_the_loss(tmp_path, tiny_faces):
    # Without what makes one batch harder than another, so that the loss shows the training alone.
    plain = [f"augment.{name}=0" for name in ("affine", "background", "occlude", "turn", "light", "shade", "noise")]
    config = tiny_config(
        "schedule.epochs=6", "schedule.steps_per_epoch=10", "loss.margin=0.5", "tower.dropout=0", *plain
    )
    fit(tiny_faces, tmp_path / "run", config)
    losses = [float(row["loss"]) for row in _rows(tmp_path / "run")]
    assert losses[-1] < losses[0]


def test_a_finished_or_another_run_is_not_touched(tiny_run, tiny_faces, tmp_path):
    before = (tiny_run / "tower.keras").read_bytes()
    with pytest.raises(UsageError, match="finished run"):
        fit(tiny_faces, tiny_run, tiny_config())
    assert (tiny_run / "tower.keras").read_bytes() == before
    unfinished = tmp_path / "run"
    unfinished.mkdir()
    for name in ("config.json", "split.json"):
        (unfinished / name).write_text((tiny_run / name).read_text().replace('"finished": true', '"finished": false'))
    with pytest.raises(UsageError, match=r"another configuration \(tower\)"):
        fit(tiny_faces, unfinished, tiny_config("tower.width=6"))
    letters = tmp_path / "letters"
    letters.mkdir()
    (letters / "dear.txt").write_text("x")
    with pytest.raises(UsageError, match=r"dear\.txt"):
        fit(tiny_faces, letters, tiny_config(), force=True)
    assert (letters / "dear.txt").exists()


def test_resumed_after_kill_9_is_the_run_that_would_have_been(tmp_path, tiny_faces):
    settings = [word for setting in (*TINY, "schedule.epochs=40") for word in ("--set", setting)]
    command = [sys.executable, "-m", "train", "fit", "--data", str(tiny_faces), "--recipe", "att", "--seed", "5"]
    command += [*settings, "--out"]
    killed = tmp_path / "killed"
    process = subprocess.Popen([*command, str(killed)], cwd=ROOT, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    state = killed / "checkpoints" / "state.json"
    for _ in range(6000):
        if state.exists() or process.poll() is not None:
            break
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    done = read_state(killed / "checkpoints").epoch
    assert 1 <= done < 40
    assert not json.loads((killed / "config.json").read_text())["finished"]
    assert not (killed / "tower.keras").exists()
    config = tiny_config("schedule.epochs=40")
    fit(tiny_faces, killed, config)
    assert [int(row["epoch"]) for row in _rows(killed)] == list(range(40))
    assert json.loads((killed / "config.json").read_text())["finished"]
    fit(tiny_faces, tmp_path / "whole", config)
    for resumed, whole in zip(
        _weights(killed / "tower.keras"), _weights(tmp_path / "whole" / "tower.keras"), strict=True
    ):
        np.testing.assert_allclose(resumed, whole, atol=1e-4)


def test_a_damaged_checkpoint_is_refused(tmp_path, tiny_faces):
    run = tmp_path / "run"
    fit(tiny_faces, run, tiny_config("schedule.epochs=1", "schedule.warmup_epochs=0"))
    state = read_state(run / "checkpoints")
    (run / "checkpoints" / state.weights).write_bytes(b"cut off")
    with pytest.raises(DataError, match="damaged"):
        read_state(run / "checkpoints")


def test_a_full_disk_is_noticed_before_hdf5_crashes_on_it(tmp_path, tiny_faces, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=20_000))
    with pytest.raises(WriteError, match=r"0\.0 MB are free"):
        fit(tiny_faces, tmp_path / "run", tiny_config())
    assert not list((tmp_path / "run" / "checkpoints").iterdir())
    monkeypatch.undo()
    assert fit(tiny_faces, tmp_path / "run", tiny_config()).epochs == 2


def test_too_large_a_batch_says_what_to_make_smaller():
    with pytest.raises(SiamliteError, match=r"12000 pictures.*batch\.people"), enough_memory(12000):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")


def test_log_is_trimmed_to_the_checkpoint(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("epoch,loss\n0,1.0\n1,0.5\n2,0.4\n")
    log = EpochLog(path, 2)
    log.on_epoch_end(2, {"loss": 0.25})
    assert read_log(path)["loss"] == [1.0, 0.5, 0.25]


def test_split_file_is_used_and_leaves_others_out(tmp_path, tiny_faces):
    split = tmp_path / "split.json"
    split.write_text('{"train": ["p0", "p3"], "validation": ["p1", "p2"]}')
    fit(tiny_faces, tmp_path / "run", tiny_config("schedule.epochs=1"), split_file=split)
    assert json.loads((tmp_path / "run" / "split.json").read_text())["train"] == ["p0", "p3"]
    split.write_text('{"train": ["p0", "nobody"], "validation": ["p1", "p2"]}')
    with pytest.raises(DataError, match="nobody"):
        fit(tiny_faces, tmp_path / "other", tiny_config(), split_file=split)


def test_photographs_are_prepared_first(att_faces, models, tmp_path, capsys):
    raw = tmp_path / "raw"
    for person in range(1, 6):
        (raw / f"s{person}").mkdir(parents=True)
        for picture in (1, 2):
            (raw / f"s{person}" / f"{picture}.pgm").write_bytes((att_faces / f"s{person}/{picture}.pgm").read_bytes())
    words = ["fit", "--data", str(raw), "--out", str(tmp_path / "run"), "--recipe", "att", "--epochs", "1", "--json"]
    words += [word for setting in TINY[:-1] for word in ("--set", setting)]
    assert main(words) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["validation"]["people"] == 2
    assert "cutting the faces out" in printed.err
    # The photographs would hold the validation people under other bytes: export refuses those.
    assert f"export convert {tmp_path}/run --representative {tmp_path}/run/faces " in printed.err
    assert (tmp_path / "run" / "faces" / "s1" / "1.png").exists()
    assert main([*words, "--set", "input.size_px=32"]) == 2
    assert "at another size" in capsys.readouterr().err
    assert main(["evaluate", str(tmp_path / "run"), "--data", str(raw)]) == 2
    assert "was trained on 3 of these people" in capsys.readouterr().err


def test_unmarked_crops_with_aligned(tmp_path):
    write_people(tmp_path / "crops", mark=False)
    fit(tmp_path / "crops", tmp_path / "run", tiny_config("schedule.epochs=1"), aligned=True)
    assert (tmp_path / "run" / "tower.keras").exists()


def test_too_few_people(tmp_path):
    write_people(tmp_path / "faces", people=3)
    with pytest.raises(DataError, match="four people"):
        fit(tmp_path / "faces", tmp_path / "run", tiny_config())
    assert not (tmp_path / "run").exists()
