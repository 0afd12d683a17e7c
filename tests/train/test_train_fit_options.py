"""What a recipe's schedule may ask for besides epochs: averages, early stopping, no validation people, precision."""

import json
import multiprocessing
from pathlib import Path

import numpy as np
import pytest
from train_helpers import tiny_config

from edge_runtime.errors import SiamliteError, UsageError
from edge_runtime.files import read_json
from train.batches.people import people_rows
from train.batches.stream import make_batch
from train.data.faces import load_faces
from train.fitting.callbacks import epoch_score
from train.fitting.checkpoint import read_state
from train.fitting.fit import fit
from train.fitting.lock import run_lock
from train.fitting.log import read_log
from train.fitting.norm import norm_layers, reestimate_norm
from train.fitting.optimizer import make_rate
from train.keras_quietly import keras, load_keras, tf
from train.losses.build import build_objective
from train.towers.build import build_tower


def _weights(path: Path) -> list[np.ndarray]:
    return load_keras(path).get_weights()


def test_the_average_of_the_weights_is_delivered(tmp_path, tiny_faces):
    """Averaged by hand from the weights after each step, it is the same."""
    common = ["split.validation=0", "tower.dropout=0", "schedule.epochs=3", "schedule.steps_per_epoch=1"]
    snapshots = []
    # The learning rate must not know how long the training is.
    constant = [*common, "schedule.rate=constant", "schedule.warmup_epochs=0"]
    fit(tiny_faces, tmp_path / "constant", tiny_config(*constant, "schedule.ema=0.8"))
    for epochs in (1, 2, 3):
        fit(tiny_faces, tmp_path / f"plain{epochs}", tiny_config(*constant, f"schedule.epochs={epochs}"))
        tower = load_keras(tmp_path / f"plain{epochs}" / "tower.keras")
        snapshots.append([variable.numpy() for variable in tower.trainable_variables])
    expected = snapshots[0]
    for later in snapshots[1:]:
        expected = [0.8 * average + 0.2 * new for average, new in zip(expected, later, strict=True)]
    delivered = load_keras(tmp_path / "constant" / "tower.keras").trainable_variables
    for mine, theirs in zip(delivered, expected, strict=True):
        np.testing.assert_allclose(mine.numpy(), theirs, atol=1e-6)
    assert max(np.abs(m.numpy() - s).max() for m, s in zip(delivered, snapshots[-1], strict=True)) > 1e-4


def test_without_validation_people_everyone_is_trained_on(tmp_path, tiny_faces):
    fitted = fit(tiny_faces, tmp_path / "run", tiny_config("split.validation=0"))
    assert fitted.validation is None
    assert (fitted.best_epoch, fitted.epochs) == (2, 2)
    split = read_json(tmp_path / "run" / "split.json", what="split")
    assert (len(split["train"]), split["validation"], split["test"]) == (6, [], [])
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["validation"] is None
    assert (tmp_path / "run" / "plots" / "training.png").exists()
    assert not (tmp_path / "run" / "plots" / "roc.png").exists()


def test_test_people_take_no_part(tmp_path, tiny_faces):
    fit(tiny_faces, tmp_path / "run", tiny_config("split.test=0.34", "split.validation=0.34"))
    split = read_json(tmp_path / "run" / "split.json", what="split")
    parts = [set(split[part]) for part in ("train", "validation", "test")]
    assert [len(part) for part in parts] == [2, 2, 2]
    assert len(set.union(*parts)) == 6
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["validation"]["people"] == 2


def test_training_stops_when_no_epoch_is_better(tmp_path, tiny_faces):
    # Nothing is learned at such a rate, so the first epoch's score only ties or falls.
    config = tiny_config(
        "schedule.epochs=30",
        "schedule.learning_rate=0.2",
        "schedule.warmup_epochs=0",
        "schedule.optimizer=sgd",
        "schedule.patience=3",
        "schedule.watch=tar",
    )
    fitted = fit(tiny_faces, tmp_path / "run", config)
    assert fitted.epochs < 30
    state = read_state(tmp_path / "run" / "checkpoints")
    assert state.epoch - state.improved_epoch == 3
    log = read_log(tmp_path / "run" / "log.csv")
    scores = [epoch_score("tar", 0, {k: log[k][e] for k in ("val_tar", "val_auc")}) for e in range(fitted.epochs)]
    assert scores[fitted.best_epoch - 1] == max(scores)


def test_scores_rank_epochs():
    logs = {"val_tar": 0.5, "val_auc": 0.9, "val_eer": 0.1}
    assert epoch_score("tar", 3, logs) == (0.5, 0.9)
    assert epoch_score("auc", 3, logs) == (0.9, -0.1)
    assert epoch_score("last", 3, logs) == (3.0,)
    with pytest.raises(UsageError, match="watch=last"):
        tiny_config("schedule.watch=last", "schedule.patience=2")


def test_norm_statistics_are_those_of_the_batches(tiny_faces):
    config = tiny_config("tower.blocks=[1]", "tower.dropout=0")
    faces = load_faces(tiny_faces, config.input)
    people = people_rows(faces.labels)
    keras.utils.set_random_seed(1)
    tower = build_tower(config.input, config.tower)
    batches = [make_batch(faces.pixels, people, config, step)[0] for step in range(5)]
    first = norm_layers(tower)[0]
    before = first.momentum
    assert reestimate_norm(tower, batches) == 5
    assert first.momentum == before
    convolved = keras.Model(tower.input, first.input)
    values = [convolved(batch).numpy() for batch in batches]
    np.testing.assert_allclose(first.moving_mean, np.mean([v.mean((0, 1, 2)) for v in values], axis=0), atol=1e-5)
    np.testing.assert_allclose(first.moving_variance, np.mean([v.var((0, 1, 2)) for v in values], axis=0), atol=1e-4)


def test_mixed_precision_delivers_a_float32_tower(tmp_path, tiny_faces):
    fit(tiny_faces, tmp_path / "run", tiny_config("schedule.precision=mixed_bfloat16"))
    tower = load_keras(tmp_path / "run" / "tower.keras")
    assert {layer.compute_dtype for layer in tower.layers} == {"float32"}
    assert keras.config.dtype_policy().name == "float32"


def test_rates():
    config = tiny_config("schedule.epochs=4", "schedule.steps_per_epoch=10", "schedule.learning_rate=0.1")
    rate = make_rate(config.schedule)
    values = [float(rate(step)) for step in range(41)]
    assert values[10] == pytest.approx(0.1)
    assert values[5] == pytest.approx(0.05, rel=0.01)
    assert values[25] == pytest.approx(0.05, rel=0.01)
    assert values[40] == pytest.approx(0, abs=1e-6)
    steady = make_rate(tiny_config("schedule.rate=constant", "schedule.learning_rate=0.1").schedule)
    assert float(steady(5)) == pytest.approx(0.1)


def _train_there(data: Path, out: Path, started: object) -> None:
    with run_lock(out):
        started.set()  # type: ignore[attr-defined]
        multiprocessing.Event().wait(60)


def test_one_training_at_a_time(tmp_path, tiny_faces):
    context = multiprocessing.get_context("spawn")
    started = context.Event()
    other = context.Process(target=_train_there, args=(tiny_faces, tmp_path / "run", started), daemon=True)
    other.start()
    assert started.wait(60)
    try:
        with pytest.raises(UsageError, match="another process is training"):
            fit(tiny_faces, tmp_path / "run", tiny_config())
    finally:
        other.kill()
        other.join()
    # A process that was killed holds nothing.
    fit(tiny_faces, tmp_path / "run", tiny_config("schedule.epochs=1"))
    assert not list(tmp_path.glob(".*.lock"))


def test_a_loss_that_is_no_number_is_one_clear_error(tmp_path, tiny_faces):
    loss = ["loss.name=contrastive", "loss.normalise=false"]
    schedule = ["learning_rate=10", "steps_per_epoch=80", "optimizer=sgd", "warmup_epochs=0"]
    config = tiny_config(*loss, *(f"schedule.{setting}" for setting in schedule))
    with pytest.raises(SiamliteError, match="not a number"):
        fit(tiny_faces, tmp_path / "run", config)
    assert not (tmp_path / "run" / "tower.keras").exists()


def test_tensorboard_has_scores_and_a_projector(tiny_run):
    folder = tiny_run / "tensorboard"
    [file] = (folder / "validation-scores").glob("events.*")
    seen: dict[str, list[int]] = {}
    for record in tf.data.TFRecordDataset([str(file)]):
        event = tf.compat.v1.Event.FromString(record.numpy())
        for value in event.summary.value:
            seen.setdefault(value.tag, []).append(event.step)
    assert seen == {"similarity/genuine": [0, 1], "similarity/impostor": [0, 1]}
    config = (folder / "projector_config.pbtxt").read_text()
    assert "projector/embeddings.tsv" in config
    rows = (folder / "projector" / "embeddings.tsv").read_text().splitlines()
    people = (folder / "projector" / "people.tsv").read_text().splitlines()
    assert len(rows) == len(people) - 1 == 8
    np.testing.assert_allclose(
        np.linalg.norm([[float(x) for x in row.split("\t")] for row in rows], axis=1), 1, atol=1e-3
    )


@pytest.mark.parametrize(
    "settings",
    [
        ["batch.sampler=pairs", "loss.name=contrastive", "loss.margin=1.0"],
        ["batch.sampler=hard-pairs", "loss.name=pair-bce", "loss.margin="],
        ["loss.name=arcface", "loss.sampled_classes=1"],
        ["loss.name=multi-similarity"],
    ],
    ids=lambda value: value[0],
)
def test_a_killed_training_of_any_kind_resumes_to_the_same_tower(tmp_path, tiny_faces, monkeypatch, settings):
    config = tiny_config(*settings, "schedule.epochs=4", "schedule.ema=0.9", "split.validation=0")
    fit(tiny_faces, tmp_path / "whole", config)
    from train.fitting.callbacks import Checkpoint

    class Killed(Exception):
        pass

    done = Checkpoint.on_epoch_end

    def dies(self, epoch, logs=None):
        done(self, epoch, logs)
        if epoch == 1:
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(Checkpoint, "on_epoch_end", dies)
        with pytest.raises(Killed):
            fit(tiny_faces, tmp_path / "killed", config)
    assert read_state(tmp_path / "killed" / "checkpoints").epoch == 2
    fit(tiny_faces, tmp_path / "killed", config)
    for mine, theirs in zip(
        _weights(tmp_path / "killed" / "tower.keras"), _weights(tmp_path / "whole" / "tower.keras"), strict=True
    ):
        np.testing.assert_array_equal(mine, theirs)


def test_the_objective_is_known_before_pictures_are_read(tmp_path):
    with pytest.raises(UsageError, match="unknown loss"):
        fit(tmp_path / "nowhere", tmp_path / "run", tiny_config("loss.name=magic"))
    assert build_objective(tiny_config(), classes=2) is not None
