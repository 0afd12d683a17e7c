"""One target under atheris, in a process of its own: native code may end it at any moment."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import struct
import sys
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any

COUNTS, CURRENT = struct.Struct("<QQ"), "current"
# Of processor time: on a busy machine any case may take long.
_MOST_CPU_S = 10.0
_TIMEOUT_S, _MEMORY_MIB = 1800, 3000
_SEED_ROOM = 4096


def main(words: list[str]) -> None:
    """Fuzz until the time is over.

    Args:
        words: Target, folder for everything, seconds, and a number that the mutations begin with.
    """
    name, folder, seconds, start = words[0], Path(words[1]), words[2], words[3]
    import atheris

    with atheris.instrument_imports(include=["edge_runtime", "train"]):
        from benchmarks.fuzz.targets import TARGETS

        target = TARGETS[name]
        work = folder / "work"
        work.mkdir(exist_ok=True)
        os.environ["SIAMLITE_HOME"] = str(work / "home")
        attempt = target.make(work)
    corpus = folder / "corpus"
    corpus.mkdir(exist_ok=True)
    longest = _SEED_ROOM
    (folder / "seeds").mkdir(exist_ok=True)
    for number, seed in enumerate(target.seeds(work)):
        (folder / "seeds" / f"{number}").write_bytes(seed)
        longest = max(longest, len(seed) * 5 // 4)
    # A warning is a line on the terminal that is no error of ours.
    warnings.simplefilter("error")
    arguments = [
        sys.argv[0], f"-max_total_time={seconds}", f"-timeout={_TIMEOUT_S}", f"-rss_limit_mb={_MEMORY_MIB}",
        f"-max_len={longest}", f"-artifact_prefix={folder}/found-", f"-seed={start}", "-print_final_stats=1",
        str(corpus), str(folder / "seeds"),
    ]  # fmt: skip
    atheris.Setup(arguments, _Recorder(attempt, folder))
    atheris.Fuzz()


class _Recorder:
    """Counts the cases, and writes down each new way to break the contract with the input that did it."""

    def __init__(self, attempt: Any, folder: Path) -> None:
        from benchmarks.fuzz.galleries import hidden_words

        self._attempt, self._folder, self._hidden = attempt, folder, hidden_words()
        self._current = os.open(folder / CURRENT, os.O_CREAT | os.O_RDWR, 0o600)
        self._counts = os.open(folder / "counts", os.O_CREAT | os.O_RDWR, 0o600)
        held = os.pread(self._counts, COUNTS.size, 0)
        self._cases, self._refused = COUNTS.unpack(held) if len(held) == COUNTS.size else (0, 0)
        self._known: set[tuple[str, str]] = set()

    def __call__(self, data: bytes) -> None:
        """Try an input."""
        from benchmarks.fuzz.contract import judge

        # What is being tried is written down first: native code, or the alarm, may end the process.
        os.ftruncate(self._current, len(data))
        os.pwrite(self._current, data, 0)
        signal.setitimer(signal.ITIMER_PROF, _MOST_CPU_S)
        outcome = judge(self._attempt, data, hidden=self._hidden)
        signal.setitimer(signal.ITIMER_PROF, 0)
        self._cases, self._refused = self._cases + 1, self._refused + outcome.refused
        os.pwrite(self._counts, COUNTS.pack(self._cases, self._refused), 0)
        finding = outcome.finding
        if finding is not None and (finding.kind, finding.where) not in self._known:
            self._known.add((finding.kind, finding.where))
            digest = hashlib.sha256(data).hexdigest()[:16]
            (self._folder / f"case-{digest}").write_bytes(data)
            with open(self._folder / "findings.jsonl", "a", encoding="utf-8") as stream:
                stream.write(json.dumps({**asdict(finding), "input": f"case-{digest}"}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
