from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edge_runtime.errors import DataError
from export.cli import main
from export.sources.run import read_run


def test_a_run_on_pictures_that_are_no_faces_is_refused(
    make_run: Callable[..., Path], faces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(template=None)
    with pytest.raises(DataError, match="trained on pictures that are no aligned faces"):
        read_run(run)
    out = tmp_path / "tower.tflite"
    assert main(["convert", str(run), "--representative", str(faces), "--out", str(out)]) == 2
    said = capsys.readouterr().err.splitlines()
    assert [line for line in said if line.startswith("error: ")] == [said[-1]]
    assert "python -m train fit --data FACES --out RUN" in said[-1]
    assert not out.exists()
