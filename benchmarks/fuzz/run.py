"""A target for some time: a worker, another one when it dies, and what all of them found."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.fuzz.worker import COUNTS, CURRENT

_ROOT = Path(__file__).resolve().parents[2]
_COVERED = re.compile(r"cov: (\d+)")
_MOST_DEATHS = 200
_REPLAY_S = 600


def fuzz(name: str, folder: Path, *, seconds: float, start: int = 1) -> dict[str, Any]:
    """Fuzz one target.

    Args:
        name: Of the target.
        folder: For inputs and findings; those of an earlier run are gone on from.
        seconds: How long.
        start: What the mutations begin with: the same number gives the same ones while nothing dies.

    Returns:
        ``target``, ``cases``, ``refused``, ``covered`` (branches of siamlite's code that were reached), ``seconds``,
        ``deaths`` of the process, and ``findings``, each once.
    """
    folder.mkdir(parents=True, exist_ok=True)
    begun, deaths, covered = time.monotonic(), 0, 0
    for old in ("counts", "findings.jsonl", CURRENT):
        (folder / old).unlink(missing_ok=True)
    findings: list[dict[str, Any]] = []
    while (left := seconds - (time.monotonic() - begun)) >= 1 and deaths <= _MOST_DEATHS:
        ended = _worker(name, folder, int(left), start + deaths)
        covered = max([covered, *map(int, _COVERED.findall(ended.stderr))])
        if ended.returncode == 0:
            break
        deaths += 1
        if not (folder / CURRENT).exists():
            raise RuntimeError(f"{name}: the worker ended with {ended.returncode}: {ended.stderr[-2000:]}")
        case = folder / f"death-{deaths}"
        os.replace(folder / CURRENT, case)
        findings.append(_replayed(name, case, ended.returncode))
    written = folder / "findings.jsonl"
    if written.exists():
        findings += [json.loads(line) for line in written.read_text(encoding="utf-8").splitlines()]
    cases, refused = COUNTS.unpack((folder / "counts").read_bytes())
    return {
        "target": name,
        "cases": cases,
        "refused": refused,
        "covered": covered,
        "seconds": round(time.monotonic() - begun),
        "deaths": deaths,
        "findings": list({(f["kind"], f["where"]): f for f in findings}.values()),
    }


def _worker(name: str, folder: Path, seconds: int, start: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.fuzz.worker", name, str(folder), str(seconds), str(start)],
        cwd=_ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        check=False,
    )


def _replayed(name: str, case: Path, code: int) -> dict[str, Any]:
    """How an input ends a process: the innermost line of siamlite that it died in."""
    kind = "hang" if code == -signal.SIGPROF else "crash"
    finding = {"kind": kind, "where": "", "words": f"the process ended with {code}", "input": case.name}
    try:
        ran = subprocess.run(
            [sys.executable, "-m", "benchmarks.fuzz.replay", name, str(case)],
            cwd=_ROOT, capture_output=True, text=True, errors="replace", timeout=_REPLAY_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return finding | {"kind": "hang", "words": f"not done after {_REPLAY_S} s"}
    if ran.returncode == 0:
        return finding | {"words": f"{finding['words']}, but a new one takes it"}
    lines = [line.strip() for line in ran.stderr.splitlines() if "File " in line and "/edge_runtime/" in line]
    place = lines[0].rpartition("/edge_runtime/")[2] if lines else ""
    first = next((line for line in ran.stderr.splitlines() if line.startswith("Fatal")), "")
    return finding | {"where": place, "words": f"{first} (exit code {ran.returncode})"}
