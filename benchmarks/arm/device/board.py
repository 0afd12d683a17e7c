"""What runs on both machines: the steps of some pictures, and the commands of the siamlite that is installed there.

python -m benchmarks.arm.device.board JOB.json RESULT.npz

All in one process, because starting Python takes an emulator longer than everything else. A command is the script that
pip made of the wheel, run with its words and in a home folder of its own.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import runpy
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.arm.device.chain import walk_all
from edge_runtime.errors import SiamliteError
from edge_runtime.files import read_json, write_bytes

# What siamlite reads from the environment would be the desktop's, not the board's.
_SETTINGS = "SIAMLITE_"


def run_script(script: Path, words: list[str], home: str) -> dict[str, Any]:
    """Run a command of the installed siamlite to its end.

    Args:
        script: The script that pip made.
        words: The command and its options.
        home: siamlite's folder.

    Returns:
        ``code``, its exit code, and ``stdout`` and ``stderr``, what it printed.
    """
    out, err, before = io.StringIO(), io.StringIO(), sys.argv
    os.environ["SIAMLITE_HOME"] = home
    sys.argv = [str(script), *words]
    code: Any = 0
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            runpy.run_path(str(script), run_name="__main__")
    except SystemExit as ended:
        code = ended.code
    finally:
        sys.argv = before
    return {"code": int(code or 0), "stdout": out.getvalue(), "stderr": err.getvalue()}


def main(arguments: list[str]) -> int:
    """Read the job, do it, write the result; returns the exit code."""
    try:
        name, result = arguments
        job = read_json(name, what="the job")
        for setting in [setting for setting in os.environ if setting.startswith(_SETTINGS)]:
            del os.environ[setting]
        commands = [run_script(Path(job["script"]), one["words"], one["home"]) for one in job["commands"]]
        os.environ["SIAMLITE_HOME"] = job["home"]
        said = np.frombuffer(json.dumps(commands).encode(), dtype=np.uint8)
        whole = io.BytesIO()
        np.savez(whole, **walk_all(job), said=said)  # type: ignore[arg-type]
        write_bytes(result, whole.getvalue())
    except SiamliteError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
