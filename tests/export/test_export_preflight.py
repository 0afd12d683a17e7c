"""What preflight reads in a file, and what it says of it."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime.errors import CheckFailed, TowerError, UsageError
from edge_runtime.towers.bundle import read_bundle
from edge_runtime.towers.interpreter import Backend
from export.cli import main
from export.preflight.operators import read_inputs, read_operators
from export.preflight.signatures import signature
from export.preflight.table import read_table
from export.preflight.trial import this_environment, try_out, usual_inputs
from export.preflight.verdicts import TARGETS, examine, refuse_unfit, target_of
from export.quiet import import_tensorflow, quiet_tensorflow

DATA = Path(__file__).resolve().parents[1] / "data"
DYNAMIC = (DATA / "litert_dynamic.tflite").read_bytes()
ORIGINAL = (DATA / "litert_dynamic_original.tflite").read_bytes()


def outcomes(flatbuffer: bytes) -> dict[str, str]:
    return {verdict.runtime: verdict.outcome for verdict in examine(flatbuffer)}


def test_operators_are_read_with_their_cost(tiny_tower_path: Path) -> None:
    operators = read_operators(tiny_tower_path.read_bytes())
    assert [operator.name for operator in operators] == ["CONV_2D", "AVERAGE_POOL_2D", "RESHAPE", "FULLY_CONNECTED"]
    # By hand: 48×48 places, 8 kernels of 5×5×1; 512 values to 64.
    assert [operator.macs for operator in operators] == [48 * 48 * 8 * 25, 0, 0, 512 * 64]
    assert operators[0].weights is not None
    assert operators[0].weights.per_channel
    assert signature(operators[-1]) == "FULLY_CONNECTED INT8/tensor INT8/channel* - > INT8/tensor"
    assert read_inputs(tiny_tower_path.read_bytes())[0].shape == (1, 48, 48, 1)


def test_layers_have_their_keras_names() -> None:
    assert [operator.layer.split("_")[0] for operator in read_operators(ORIGINAL)][:2] == ["conv", "conv"]


@settings(max_examples=150, deadline=None)
@given(
    cut=st.integers(0, len(DYNAMIC)),
    changes=st.lists(st.tuples(st.integers(0, len(DYNAMIC) - 1), st.integers(0, 255)), max_size=12),
)
def test_damaged_bytes_are_read_or_refused(cut: int, changes: list[tuple[int, int]]) -> None:
    damaged = bytearray(DYNAMIC)
    for at, value in changes:
        damaged[at] = value
    for hostile in (bytes(damaged), bytes(damaged[:cut])):
        with contextlib.suppress(TowerError):
            assert [verdict.runtime for verdict in examine(hostile)] == list(TARGETS)


def test_the_table_is_of_the_targets() -> None:
    table = read_table()
    assert set(table) == set(TARGETS) - {"edge-tpu"}
    for runtime in table.values():
        assert runtime.versions["CONV_2D"][1] >= 5
        assert not set(runtime.runs) & (set(runtime.wrong) | set(runtime.refused))
        assert min(runtime.runs.values()) >= 0.98 > max(runtime.wrong.values(), default=0)


def test_int8_is_for_everything(tiny_tower_path: Path) -> None:
    flatbuffer = read_bundle(tiny_tower_path).flatbuffer
    assert outcomes(flatbuffer) == dict.fromkeys(TARGETS[:3], "runs") | {"edge-tpu": "unproven"}
    assert len(refuse_unfit(flatbuffer, TARGETS)) == 4


def test_garbage_without_an_error_is_refused_and_named() -> None:
    assert outcomes(DYNAMIC)["tflite-runtime-2.14"] == "wrong"
    assert outcomes(DYNAMIC)["ai-edge-litert-2"] == "runs"
    with pytest.raises(CheckFailed, match=r"garbage: FULLY_CONNECTED .* \(layer .*\)\. Export with --recipe int8"):
        refuse_unfit(DYNAMIC, ["tflite-runtime-2.14"])
    assert outcomes(DYNAMIC)["edge-tpu"] == "refused"


def test_a_version_too_new_is_refused_and_named() -> None:
    from benchmarks.compatibility.cut import pack_model
    from benchmarks.compatibility.registry import schema

    model = schema.ModelT.InitFromPackedBuf(ORIGINAL, 0)
    for code in model.operatorCodes:
        if code.builtinCode == schema.BuiltinOperator.FULLY_CONNECTED:
            code.version = 12
    newer = pack_model(model)
    assert outcomes(newer) == outcomes(ORIGINAL) | {"tflite-runtime-2.14": "refused"}
    with pytest.raises(CheckFailed, match=r"FULLY_CONNECTED version 12, and tflite-runtime 2\.14\.0 knows up to 10"):
        refuse_unfit(newer, ["tflite-runtime-2.14"])


def test_what_nobody_ran_is_unproven_unless_the_caller_runs_it() -> None:
    from benchmarks.compatibility.cut import pack_model
    from benchmarks.compatibility.registry import schema

    model = schema.ModelT.InitFromPackedBuf(ORIGINAL, 0)
    tensor = model.subgraphs[0].tensors[model.subgraphs[0].inputs[0]]
    tensor.type = schema.TensorType.FLOAT64
    odd = pack_model(model)
    assert outcomes(odd)["ai-edge-litert-2"] == "unproven"
    with pytest.raises(CheckFailed, match="--runtime-python"):
        refuse_unfit(odd, ["ai-edge-litert-2"])
    assert refuse_unfit(odd, ["ai-edge-litert-2"], run_in=["ai-edge-litert-2"])[0].outcome == "unproven"


def test_targets_are_named() -> None:
    with pytest.raises(UsageError, match=r"no target 'pi'; known are ai-edge-litert-2"):
        refuse_unfit(ORIGINAL, ["pi"])
    for distribution, version, name in (
        ("ai-edge-litert", "2.3.0", "ai-edge-litert-2"),
        ("ai-edge-litert", "1.4.0", "ai-edge-litert-1.4"),
        ("ai-edge-litert", "1.0.1", None),
        ("tflite-runtime", "2.14.0", "tflite-runtime-2.14"),
    ):
        assert target_of(Backend(family="litert", distribution=distribution, version=version)) == name


@pytest.fixture(scope="module")
def unfrozen(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, bytes]:
    """A Keras 3 model, and what came of it through ``tf.saved_model.save``: its variables stay outside."""
    tf, keras = import_tensorflow()
    folder = str(tmp_path_factory.mktemp("unfrozen"))
    with quiet_tensorflow():
        keras.utils.set_random_seed(1)
        image = keras.Input((32, 32, 1))
        values = keras.layers.Conv2D(8, 3, strides=2, activation="relu")(image)
        model: Any = keras.Model(image, keras.layers.Dense(16)(keras.layers.GlobalAveragePooling2D()(values)))
        tf.saved_model.save(model, folder)
        return model, bytes(tf.lite.TFLiteConverter.from_saved_model(folder).convert())


def test_an_unfrozen_file_runs_to_garbage_and_is_refused(unfrozen: tuple[Any, bytes]) -> None:
    model, flatbuffer = unfrozen
    (values,) = usual_inputs(flatbuffer)
    given = this_environment().run(flatbuffer, values)[0].reshape(4, -1)
    assert not np.allclose(given, model(values).numpy(), rtol=0.1)
    with pytest.raises(CheckFailed, match=r"not in the file: it gives NaN.*model\.export"):
        refuse_unfit(flatbuffer, ["ai-edge-litert-2"])
    assert set(outcomes(flatbuffer).values()) == {"wrong", "refused"}


def test_the_command_refuses_an_unfrozen_file(
    tmp_path: Path, unfrozen: tuple[Any, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "unfrozen.tflite"
    path.write_bytes(unfrozen[1])
    assert main(["preflight", str(path)]) == 1
    assert "error: no interpreter can use this file" in capsys.readouterr().err


def test_what_gives_nan_or_always_the_same_is_refused() -> None:
    from benchmarks.compatibility.cut import pack_model
    from benchmarks.compatibility.registry import schema

    for value, words in ((np.nan, "not finite"), (0.0, "zeros|the same")):
        model = schema.ModelT.InitFromPackedBuf(ORIGINAL, 0)
        for tensor in model.subgraphs[0].tensors:
            held = model.buffers[tensor.buffer]
            if tensor.type == schema.TensorType.FLOAT32 and held.data is not None:
                filled = np.full(len(held.data) // 4, value, np.float32)
                held.data = np.frombuffer(filled.tobytes(), np.uint8)
        broken = pack_model(model)
        with pytest.raises(CheckFailed, match=words):
            try_out(broken, usual_inputs(broken), this_environment())


def test_the_command_tells_and_judges(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(DATA / "litert_dynamic.tflite")
    assert main(["preflight", path]) == 0
    shown = capsys.readouterr().out
    assert "tflite-runtime-2.14    wrong  FULLY_CONNECTED" in shown
    assert main(["preflight", path, "--target", "tflite-runtime-2.14", "--json"]) == 1
    said = capsys.readouterr()
    values = json.loads(said.out)
    assert not values["passed"]
    assert [one["runtime"] for one in values["verdicts"]] == list(TARGETS)
    assert said.err.count("error: ") == 1
    assert main(["preflight", path, "--target", "ai-edge-litert-1.4"]) == 0


def test_the_command_runs_the_file_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    path = str(DATA / "litert_dynamic.tflite")
    assert main(["preflight", path, "--runtime-python", sys.executable, "--json"]) == 0
    first = json.loads(capsys.readouterr().out)["verdicts"][0]
    assert (first["runtime"], first["outcome"]) == ("ai-edge-litert-2", "runs")
    assert first["reason"].startswith("run just now: lowest cosine 1.0000")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no TFLite file"),
        (b"\x08\0\0\0TFL3", "no"),
        (b"hello, this is a text file", "no TFLite file"),
        (b"\xff\xff\xff\x7fTFL3" + bytes(64), "no whole TFLite file"),
        (DYNAMIC[:2000], "no whole TFLite file|refuses"),
    ],
)
def test_hostile_bytes_are_one_line(
    tmp_path: Path, content: bytes, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "hostile.tflite"
    path.write_bytes(content)
    main(["preflight", str(path), "--target", "ai-edge-litert-2"])
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert any(line.startswith(("error: ", "note: ")) for line in said.splitlines())
    assert re.search(words, said)


def test_a_file_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preflight", "/nowhere/tower.tflite"]) == 3
    assert "cannot read" in capsys.readouterr().err


def test_preflight_loads_no_tensorflow() -> None:
    code = "import sys, export.preflight.verdicts, export.preflight.trial; print('tensorflow' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], cwd=DATA.parents[1], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"
