"""Foreign files that are damaged, dangerous or no towers, and folders that prove nothing: one line each, no file."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from foreign_helpers import adopt, error_line, head, to_tflite

from export.cli import main
from export.quiet import import_tensorflow, quiet_tensorflow

CopyPeople = Callable[..., Path]


@pytest.fixture
def refused(faces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """A function that adopts a file in vain and gives the one line that was said."""

    def run(file: Path, code: int, *more: str, data: Path | None = None) -> str:
        out = tmp_path / "out" / "tower.tflite"
        capsys.readouterr()
        assert adopt(file, data or faces, out, *more) == code
        assert not out.parent.exists() or not list(out.parent.iterdir())
        return error_line(capsys)

    return run


@pytest.fixture(scope="session")
def tflite_bytes(tower_model: Any) -> bytes:
    return to_tflite(tower_model)


def _spoilt(good: bytes) -> dict[str, bytes]:
    return {"half": good[: len(good) // 2], "head": good[:40], "mark": good[:8]}


@pytest.mark.parametrize("how", ["half", "head", "mark"])
@pytest.mark.parametrize("suffix", [".tflite", ".keras", ".onnx"])
def test_a_truncated_file_is_refused(
    refused: Callable[..., str], tflite_bytes: bytes, tower_file: Path, tmp_path: Path, suffix: str, how: str
) -> None:
    good = {".tflite": tflite_bytes, ".keras": tower_file.read_bytes(), ".onnx": b"\x08\x07" * 500}[suffix]
    file = tmp_path / f"broken{suffix}"
    file.write_bytes(_spoilt(good)[how])
    assert "broken" in refused(file, 3) or suffix == ".onnx"


@pytest.mark.parametrize(
    ("name", "content", "code", "said"),
    [
        ("letter.txt", b"Dear reader", 3, "of no kind that is known"),
        ("old.h5", b"\x89HDF\r\n\x1a\n" + bytes(100), 3, "older Keras"),
        ("renamed.keras", b"\x89HDF\r\n\x1a\n" + bytes(100), 3, "older Keras"),
        ("net.pth", b"PK\x03\x04" + bytes(100), 3, "export it to ONNX first"),
        ("empty.tflite", b"", 3, "cannot be used"),
    ],
)
def test_a_file_of_another_kind_is_refused(
    refused: Callable[..., str], tmp_path: Path, name: str, content: bytes, code: int, said: str
) -> None:
    (tmp_path / name).write_bytes(content)
    assert said in refused(tmp_path / name, code)


def test_a_missing_file_and_an_empty_folder(refused: Callable[..., str], tmp_path: Path) -> None:
    assert "cannot read" in refused(tmp_path / "nothing.keras", 2)
    (tmp_path / "folder").mkdir()
    assert "without a saved_model.pb" in refused(tmp_path / "folder", 3)
    (tmp_path / "folder/saved_model.pb").write_bytes(b"I am no graph.")
    assert "damaged, cut short or something else" in refused(tmp_path / "folder", 3)


def test_a_lambda_layer_is_refused_and_not_run(refused: Callable[..., str], tmp_path: Path) -> None:
    _, keras = import_tensorflow()
    marker = tmp_path / "executed"
    with quiet_tensorflow():
        image = keras.Input((48, 48, 1))
        mischief = keras.layers.Lambda(lambda values, path=str(marker): (open(path, "w").close(), values)[1])
        keras.Model(image, keras.layers.Flatten()(mischief(image))).save(tmp_path / "bad.keras")
    marker.unlink()
    assert "a Lambda layer" in refused(tmp_path / "bad.keras", 3)
    assert not marker.exists()


def _save(folder: Path, function: Any) -> Path:
    tf, _ = import_tensorflow()
    with quiet_tensorflow():
        module = tf.Module()
        module.serve = tf.function(function, input_signature=[tf.TensorSpec((1, 48, 48, 1), tf.float32)])
        tf.saved_model.save(module, str(folder), signatures=module.serve)
    return folder


@pytest.mark.parametrize("operator", ["EagerPyFunc", "ReadFile", "WriteFile"])
def test_a_graph_that_touches_files_or_python_is_refused_and_not_run(
    refused: Callable[..., str], tmp_path: Path, operator: str
) -> None:
    tf, _ = import_tensorflow()
    marker = tmp_path / "executed"

    def serve(image: Any) -> Any:
        rows = tf.reshape(image, (1, -1))[:, :8]
        if operator == "EagerPyFunc":
            return tf.py_function(lambda values: (marker.touch(), values)[1], [rows], tf.float32)
        if operator == "ReadFile":
            return rows + tf.cast(tf.strings.length(tf.io.read_file("/etc/hostname")), tf.float32)
        with tf.control_dependencies([tf.io.write_file(str(marker), "executed")]):
            return tf.identity(rows)

    folder = _save(tmp_path / "bad", serve)
    said = refused(folder, 3)
    assert "is refused, and nothing in it was run" in said
    assert "operator" in said
    assert not marker.exists()


def test_a_graph_that_calls_its_own_saver_is_refused(
    refused: Callable[..., str], tower_model: Any, tmp_path: Path
) -> None:
    from tensorflow.core.protobuf import saved_model_pb2

    with quiet_tensorflow():
        tower_model.export(str(tmp_path / "bad"), format="tf_saved_model", verbose=False)
    place = tmp_path / "bad/saved_model.pb"
    held = saved_model_pb2.SavedModel.FromString(place.read_bytes())
    graph = held.meta_graphs[0].graph_def
    names = [function.signature.name for function in graph.library.function]
    saver = next(name for name in names if "traced_save" in name)
    caller = next(function for function in graph.library.function if "signature_wrapper" in function.signature.name)
    next(node for node in caller.node_def if "f" in node.attr).attr["f"].func.name = saver
    place.write_bytes(held.SerializeToString())
    assert "calls the functions that save its weights" in refused(tmp_path / "bad", 3)


def test_shapes_that_no_tower_has(refused: Callable[..., str], tmp_path: Path) -> None:
    _, keras = import_tensorflow()
    layers = keras.layers

    def write(name: str, inputs: Any, output: Any) -> tuple[Path, Path]:
        model = head(inputs, output)
        with quiet_tensorflow():
            model.save(tmp_path / f"{name}.keras")
        (tmp_path / f"{name}.tflite").write_bytes(to_tflite(model))
        return tmp_path / f"{name}.keras", tmp_path / f"{name}.tflite"

    with quiet_tensorflow():
        one, two = keras.Input((16, 16, 3)), keras.Input((16, 16, 3))
        first, wide = keras.Input((3, 16, 16)), keras.Input((16, 32, 3))
        cases = {
            "two": ([one, two], layers.Flatten()(layers.Add()([one, two])), "takes 2 inputs"),
            "first": (first, layers.Flatten()(first), "channels first"),
            "wide": (wide, layers.Flatten()(wide), "32×16 px"),
            "map": (one, layers.Conv2D(4, 3)(one), "14×14×4 values for a picture"),
        }
    for name, (inputs, output, said) in cases.items():
        for file in write(name, inputs, output):
            assert said in refused(file, 3), file


def test_what_the_adopter_says_wrongly(
    refused: Callable[..., str], tower_file: Path, tflite_bytes: bytes, tmp_path: Path, tiny_tower_path: Path
) -> None:
    file = tmp_path / "tower.tflite"
    file.write_bytes(tflite_bytes)
    for either in (tower_file, file):
        assert "takes pictures of 48 px, not 64. Use --input-size 48" in refused(either, 2, "--input-size", "64")
        assert "--colour is grey" in refused(either, 2, "--colour", "bgr")
    assert "--recipe can change nothing" in refused(file, 2, "--recipe", "int8")
    assert "unknown --range" in refused(file, 2, "--range", "imagenet")
    assert "go together" in refused(file, 2, "--scale", "0.01")
    assert "give it, or --scale" in refused(file, 2, "--scale", "1", "--offset", "0", "--range", "unit")
    assert "unknown template" in refused(file, 2, "--align", "diagonal")
    assert "--signature is for SavedModel" in refused(file, 2, "--signature", "x")
    (tmp_path / "empty.json").write_text('{"points": [[1, 2]]}')
    assert "no alignment template" in refused(file, 2, "--align", str(tmp_path / "empty.json"))
    assert "a siamlite tower already" in refused(tiny_tower_path, 3)
    assert main(["adopt", str(file), "--out", str(tmp_path / "x.tflite")]) == 2


def test_embeddings_that_are_good_for_nothing(refused: Callable[..., str], tmp_path: Path) -> None:
    _, keras = import_tensorflow()
    with quiet_tensorflow():
        image = keras.Input((48, 48, 1))
        flat = keras.layers.Flatten()(keras.layers.AveragePooling2D(16)(image))
        broken = {
            "constant": keras.layers.Dense(4, kernel_initializer="zeros", bias_initializer="ones")(flat),
            "infinite": keras.layers.Activation("exponential")(keras.layers.Rescaling(1e6, offset=1e6)(flat)),
        }
    for name, output in broken.items():
        model = head(image, output)
        with quiet_tensorflow():
            model.save(tmp_path / f"{name}.keras")
        (tmp_path / f"{name}.tflite").write_bytes(to_tflite(model))
        for suffix in (".keras", ".tflite"):
            said = refused(tmp_path / f"{name}{suffix}", 1)
            assert ("collapsed" in said) if name == "constant" else ("not finite" in said or "non-finite" in said)
            assert "export probe" in said


def test_folders_that_prove_nothing(
    refused: Callable[..., str], tower_file: Path, copy_people: CopyPeople, tmp_path: Path
) -> None:
    assert "holds 1 people" in refused(tower_file, 2, data=copy_people("one", ["s1"]))
    texts = tmp_path / "texts"
    for person in "abcdef":
        (texts / person).mkdir(parents=True)
        (texts / person / "1.png").write_text("I am no picture.")
    assert "usable pictures" in refused(tower_file, 1, data=texts)
    (tmp_path / "none").mkdir()
    assert "no pictures in" in refused(tower_file, 2, data=tmp_path / "none")


def test_onnx_without_its_converter_says_how_to_get_it(refused: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(b"\x08\x07" + bytes(50))
    said = refused(tmp_path / "net.onnx", 3, "--converter-python", str(tmp_path / "no-python"))
    assert "cannot be run" in said
    said = refused(tmp_path / "net.onnx", 3, "--converter-python", sys.executable)
    assert "pip install onnx2tf==" in said
