"""``python -m benchmarks.fuzz.replay TARGET FILE``: one input once more, with the stack if the process dies of it."""

from __future__ import annotations

import faulthandler
import json
import sys
import tempfile
import traceback
import warnings
from dataclasses import asdict
from pathlib import Path


def main(words: list[str]) -> None:
    """Try an input and print what came of it as JSON."""
    from benchmarks.fuzz.contract import judge
    from benchmarks.fuzz.targets import TARGETS

    faulthandler.enable()
    warnings.simplefilter("error")
    with tempfile.TemporaryDirectory() as folder:
        attempt = TARGETS[words[0]].make(Path(folder))
        data = Path(words[1]).read_bytes()
        if "--trace" in words:
            try:
                attempt(data)
            except BaseException:
                traceback.print_exc()
        print(json.dumps(asdict(judge(attempt, data))))


if __name__ == "__main__":
    main(sys.argv[1:])
