"""``python -m benchmarks.fuzz.replay [--untimed] TARGET FILE…``: inputs once more, and the stack if it dies of one."""

from __future__ import annotations

import faulthandler
import json
import sys
import tempfile
import warnings
from dataclasses import asdict
from pathlib import Path


def main(words: list[str]) -> None:
    """Try inputs and print what came of each as JSON."""
    from benchmarks.fuzz.contract import judge
    from benchmarks.fuzz.targets import TARGETS

    faulthandler.enable()
    timed = "--untimed" not in words
    words = [word for word in words if word != "--untimed"]
    warnings.simplefilter("error")
    with tempfile.TemporaryDirectory() as folder:
        attempt = TARGETS[words[0]].make(Path(folder))
        for place in words[1:]:
            data = Path(place).read_bytes()
            print(json.dumps(asdict(judge(attempt, data, timed=timed))), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
