"""Training on several devices and with several processes, which talk over the loopback interface."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from train_helpers import TINY, tiny_config

from edge_runtime.errors import SiamliteError, UsageError
from train.fitting.cluster import Cluster, await_workers, read_cluster
from train.keras_quietly import load_keras

ROOT = Path(__file__).resolve().parents[2]
# Sums over replicas are added in another order; SGD lets a rounding difference stay one.
TOLERANCE = 1e-5
LONG_TOLERANCE = 1e-4
SETTINGS = ("tower.dropout=0", "schedule.optimizer=sgd", "schedule.learning_rate=0.01", "schedule.watch=last")
PATIENCE_S = 240


def free_ports(count):
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [server.getsockname()[1] for server in held]


def tf_config(ports, index):
    cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
    return json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}})


class Fits:
    """Runs ``python -m train fit`` in processes of its own, and leaves none behind."""

    def __init__(self):
        self.processes = []

    def start(self, faces, out, *options, settings=(), cluster=None):
        command = [
            sys.executable,
            "-m",
            "train",
            "fit",
            "--data",
            faces,
            "--out",
            out,
            "--recipe",
            "att",
            "--seed",
            "5",
        ]
        for setting in (*TINY, *SETTINGS, *settings):
            command += ["--set", setting]
        # A killed worker cannot remove its temporary folder: it is to lie among what the test removes.
        out.parent.mkdir(exist_ok=True)
        environment = {**os.environ, "TF_NUM_INTRAOP_THREADS": "1", "TMPDIR": str(out.parent)}
        environment.pop("TF_CONFIG", None)
        if cluster is not None:
            environment["TF_CONFIG"] = cluster
        process = subprocess.Popen(
            [*map(str, command), *options],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.processes.append(process)
        return process

    def start_two(self, faces, outs, *options, settings=((), ())):
        ports = free_ports(2)
        return [
            self.start(faces, outs[index], *options, settings=settings[index], cluster=tf_config(ports, index))
            for index in range(2)
        ]

    def stop(self):
        for process in self.processes:
            process.kill()
            process.communicate()


@pytest.fixture
def fits():
    fits = Fits()
    yield fits
    fits.stop()


def said(process):
    """What a process wrote to stderr, when it has ended well."""
    talk = process.communicate(timeout=PATIENCE_S)[1]
    assert process.returncode == 0, talk
    return talk


def failed(process):
    """Exit code and the lines that begin with ``error:`` of a process that has ended badly."""
    talk = process.communicate(timeout=PATIENCE_S)[1]
    assert process.returncode != 0
    assert "Traceback" not in talk
    return process.returncode, [line for line in talk.splitlines() if line.startswith("error:")]


def weights(run):
    return load_keras(run / "tower.keras").get_weights()


def assert_alike(first, second, tolerance):
    for one, other in zip(weights(first), weights(second), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance)


@pytest.fixture(scope="module")
def single(tiny_faces, tmp_path_factory):
    """The run on one device."""
    out = tmp_path_factory.mktemp("single") / "run"
    fits = Fits()
    try:
        said(fits.start(tiny_faces, out))
    finally:
        fits.stop()
    return out


@pytest.mark.slow
def test_two_devices_train_like_one(fits, single, tiny_faces, tmp_path):
    said(fits.start(tiny_faces, tmp_path / "run", "--devices", "2"))
    assert_alike(single, tmp_path / "run", TOLERANCE)


@pytest.mark.slow
def test_two_workers_train_like_one(fits, single, tiny_faces, tmp_path):
    chief, worker = fits.start_two(tiny_faces, (tmp_path / "run", tmp_path / "other"))
    said(chief)
    assert "the first worker writes the run" in said(worker)
    assert_alike(single, tmp_path / "run", TOLERANCE)
    assert not (tmp_path / "other").exists()


@pytest.mark.slow
def test_a_killed_worker_is_survived(fits, tiny_faces, tmp_path):
    # Triplets count or do not by comparing distances: a rounding difference would grow. Pairs are smoother.
    long = ("schedule.epochs=30", "loss.name=contrastive", "loss.mining=")
    alone = fits.start(tiny_faces, tmp_path / "alone", settings=long)
    said(alone)
    outs, run = (tmp_path / "run", tmp_path / "other"), tmp_path / "run"
    chief, worker = fits.start_two(tiny_faces, outs, settings=(long, long))
    deadline = time.monotonic() + PATIENCE_S
    while not (run / "checkpoints" / "state.json").exists():
        assert time.monotonic() < deadline
        assert chief.poll() is None, chief.communicate()
        time.sleep(0.01)
    worker.send_signal(signal.SIGKILL)
    code, errors = failed(chief)
    assert code == 3
    assert len(errors) == 1
    assert "another worker was lost" in errors[0]
    state = json.loads((run / "checkpoints" / "state.json").read_text())
    assert 1 <= state["epoch"] < 30
    chief, worker = fits.start_two(tiny_faces, outs, settings=(long, long))
    assert f"epoch {state['epoch']} of 30 is done" in said(chief)
    said(worker)
    assert_alike(tmp_path / "alone", run, LONG_TOLERANCE)


@pytest.mark.slow
def test_workers_that_train_something_else_are_refused(fits, tiny_faces, tmp_path):
    settings = ((), ("loss.margin=0.4",))
    processes = fits.start_two(tiny_faces, (tmp_path / "run", tmp_path / "other"), settings=settings)
    for process in processes:
        code, errors = failed(process)
        assert code == 2
        assert len(errors) == 1
        assert "worker 1 has other pictures or another configuration than worker 0" in errors[0]
    assert not (tmp_path / "run" / "config.json").exists()


@pytest.mark.slow
def test_a_batch_that_cannot_be_divided_is_refused(fits, tiny_faces, tmp_path):
    process = fits.start(tiny_faces, tmp_path / "run", "--devices", "4")
    code, errors = failed(process)
    assert code == 2
    assert "a batch of 6 pictures cannot be divided equally over 4 replicas" in errors[0]


def test_a_missing_worker_is_named():
    ports = free_ports(2)
    cluster = Cluster(workers=tuple(f"127.0.0.1:{port}" for port in ports), index=0)
    with pytest.raises(SiamliteError, match=rf"127.0.0.1:{ports[1]} did not answer within 0.6 s"):
        await_workers(cluster, 0.6)


def test_workers_that_answer_are_found():
    port = free_ports(1)[0]
    with socket.create_server(("127.0.0.1", 0)) as other:
        workers = (f"127.0.0.1:{port}", f"127.0.0.1:{other.getsockname()[1]}")
        await_workers(Cluster(workers=workers, index=0), 20)
        with pytest.raises(UsageError, match="cannot be used"):
            await_workers(Cluster(workers=workers, index=1), 20)


def test_one_worker_or_none_is_no_cluster():
    assert read_cluster({}) is None
    assert read_cluster({"TF_CONFIG": tf_config([2222], 0)}) is None
    assert read_cluster({"TF_CONFIG": tf_config([2222, 2223], 1)}) == Cluster(
        workers=("127.0.0.1:2222", "127.0.0.1:2223"), index=1
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "no JSON"),
        ("[]", "another form than"),
        ('{"cluster": ["a:1"], "task": 0}', "another form than"),
        ('{"task": {"type": "worker", "index": 0}}', "lacks 'cluster'"),
        ('{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker"}}', "lacks 'index'"),
        ('{"cluster": {"worker": ["a:1"], "ps": ["b:1"]}, "task": {"type": "worker", "index": 0}}', "not 'ps'"),
        ('{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "evaluator", "index": 0}}', "'evaluator'"),
        ('{"cluster": {"worker": "a:1"}, "task": {"type": "worker", "index": 0}}', "list of host:port"),
        ('{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 2}}', "from 0 to 1, not 2"),
        ('{"cluster": {"worker": ["a:1", "b"]}, "task": {"type": "worker", "index": 0}}', "'b' is no host:port"),
        ('{"cluster": {"worker": ["a:1", "b:99999"]}, "task": {"type": "worker", "index": 0}}', "is no host:port"),
        ('{"cluster": {"worker": ["a:1", "a:1"]}, "task": {"type": "worker", "index": 0}}', "names a worker twice"),
    ],
)
def test_a_malformed_tf_config_is_refused(text, message):
    with pytest.raises(UsageError, match=message):
        read_cluster({"TF_CONFIG": text})


def test_hard_pairs_are_for_one_device():
    from train.fitting.distribute import Distribution

    class Two:
        num_replicas_in_sync = 2

    with pytest.raises(UsageError, match="hard-pairs works on one device only"):
        Distribution(strategy=Two()).check_batch(tiny_config().batch.people * 2, "hard-pairs")
