"""A full disk, and an interrupt in the middle of a conversion: one line, and nothing left behind."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MakeRun = Callable[..., Path]


def command(run: Path, faces: Path, out: Path) -> list[str]:
    words = ["convert", str(run), "--representative", str(faces), "--out", str(out)]
    return [sys.executable, "-m", "export", *words]


def on_a_small_disk(place: Path, size: str, words: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command with a small disk mounted at a place; what is left there comes after its output."""
    script = (
        f"mount -t tmpfs -o size={size} tmpfs {shlex.quote(str(place))} || exit 99; {shlex.join(words)}; code=$?; "
        f"find {shlex.quote(str(place))} -mindepth 1; exit $code"
    )
    whole = ["unshare", "--map-root-user", "--mount", "sh", "-c", script]
    done = subprocess.run(whole, cwd=ROOT, capture_output=True, text=True, env=os.environ | environment, check=False)
    if done.returncode == 99 or "unshare" in done.stderr:
        pytest.skip(f"this system lets no test mount a disk of its own: {done.stderr.strip()}")
    return done


def errors_of(done: subprocess.CompletedProcess[str]) -> list[str]:
    assert "Traceback" not in done.stderr
    return [line for line in done.stderr.splitlines() if line.startswith("error: ")]


def test_a_full_disk_is_one_line_and_leaves_nothing(make_run: MakeRun, faces: Path, tmp_path: Path) -> None:
    place = tmp_path / "disk"
    place.mkdir()
    done = on_a_small_disk(place, "8k", command(make_run(), faces, place / "tower.tflite"))
    assert done.returncode == 3
    (error,) = errors_of(done)
    assert "No space left on device" in error
    assert str(place) not in done.stdout


@pytest.mark.parametrize("size", ["64k", "17m"])
def test_a_full_folder_for_temporary_files_is_one_line(
    make_run: MakeRun, faces: Path, tmp_path: Path, size: str
) -> None:
    place, out = tmp_path / "disk", tmp_path / "tower.tflite"
    place.mkdir()
    run = make_run()
    if size == "17m":
        # Enough to begin with, but something else takes the rest of it.
        words = ["sh", "-c", f"head -c 16900k /dev/zero > {place}/other; {shlex.join(command(run, faces, out))}"]
    else:
        words = command(run, faces, out)
    done = on_a_small_disk(place, size, words, TMPDIR=str(place))
    assert done.returncode == 3
    (error,) = errors_of(done)
    assert f"the folder for temporary files, {place}" in error
    assert not out.exists()
    assert f"{place}/siamlite" not in done.stdout


@pytest.mark.parametrize("moment", ["representative set:", "converting to int8", "comparing on"])
def test_an_interrupt_at_any_moment_is_one_line(make_run: MakeRun, faces: Path, tmp_path: Path, moment: str) -> None:
    out = tmp_path / "out" / "tower.tflite"
    out.parent.mkdir()
    with subprocess.Popen(
        command(make_run(), faces, out), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith(moment):
                process.send_signal(signal.SIGINT)
                break
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    assert errors.splitlines()[-1] == "interrupted; nothing was written."
    assert "Traceback" not in errors
    assert "error: " not in errors
    assert list(out.parent.iterdir()) == []
