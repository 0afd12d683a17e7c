"""What the tests of adoption share besides fixtures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from export.cli import main
from export.quiet import import_tensorflow, quiet_tensorflow


def adopt(file: Path, data: Path, out: Path, *more: str) -> int:
    # A tower of a moment's training is rounded more coarsely than one for use.
    wide = ["--limit", "mean-cosine=0.98", "--limit", "p5-cosine=0.95", "--limit", "eer-rise=0.03"]
    return main(["adopt", str(file), "--data", str(data), "--out", str(out), "--fmr", "0.05", *wide, *more])


def error_line(capsys: pytest.CaptureFixture[str]) -> str:
    """The one error line; there must be no other, and no traceback."""
    said = capsys.readouterr().err
    errors = [line for line in said.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, said
    assert "Traceback" not in said
    assert "unexpected" not in said
    return errors[0]


def to_tflite(model: Any, *, ends: str = "float32", values: Any = None) -> bytes:
    """A Keras model as TFLite; int8 or uint8 ends need values to calibrate with."""
    tf, _ = import_tensorflow()
    with quiet_tensorflow():
        converter = tf.lite.TFLiteConverter.from_keras_model(model)
        if ends != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = lambda: ([one[None]] for one in values)
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = converter.inference_output_type = getattr(tf, ends)
        return bytes(converter.convert())


def head(inputs: Any, output: Any) -> Any:
    _, keras = import_tensorflow()
    with quiet_tensorflow():
        return keras.Model(inputs, output)
