"""``python -m benchmarks.detectors``: the table that the choice of a detector follows from (docs/detection.md)."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from edge_runtime.commands.console import EXIT_OK, emit, run_command, say, table

_ROOT = Path(__file__).resolve().parents[2]
_PAGE = _ROOT / "docs/detection.md"
RESULT = Path(__file__).parent / "result.json"


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.detectors",
        description="AT&T faces of 60 to 400 pixels in 640×480 and 1280×720 frames, and photographs as they were "
        "taken: what each detector finds, how exactly, and at what cost, in one alternating run on one thread.",
    )
    add = parser.add_argument
    add("--people", type=int, default=40, metavar="N", help="how many AT&T people (default: 40, which is all)")
    add("--photos", type=Path, metavar="FOLDER", help="photographs with faces, measured as they are")
    add("--yunet", type=Path, metavar="FILE", help="YuNet's ONNX file (default: made of a package's weights)")
    add("--write", action="store_true", help="put the tables into docs/detection.md and keep the figures beside them")
    add("--json", action="store_true", help="print the result as JSON on standard output")
    add("--debug", action="store_true", help="show tracebacks")
    parser.set_defaults(run=_run)
    return parser


def _run(options: argparse.Namespace) -> int:
    import cv2

    from edge_runtime.errors import UsageError

    if not 1 <= options.people <= 40:
        raise UsageError(f"there are 1 to 40 AT&T people, not {options.people}.")
    if options.photos is not None and not options.photos.is_dir():
        raise UsageError(f"{options.photos} is not a folder of photographs.")
    cv2.setNumThreads(1)
    result = measure(options)
    if options.write:
        from benchmarks.detectors.page import write_page
        from edge_runtime.files import write_bytes

        write_bytes(RESULT, (json.dumps(result, indent=1, ensure_ascii=False) + "\n").encode())
        say(f"written: {write_page(_PAGE, result)}")
    if options.json:
        emit(result)
    else:
        from benchmarks.detectors.page import tables

        print("\n\n".join(table(rows) for rows in tables(result)))
    return EXIT_OK


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """All figures."""
    import tempfile

    from benchmarks.demo.att import extract_att
    from benchmarks.detectors.measure import run, summary
    from benchmarks.detectors.page import described
    from benchmarks.detectors.scenes import pasted, photographs
    from benchmarks.detectors.yunet_file import make_yunet
    from edge_runtime.faces.choice import open_detector
    from edge_runtime.faces.detect import Detector
    from edge_runtime.faces.yunet import YuNet
    from edge_runtime.fetch import install_detectors
    from edge_runtime.home import cache_folder

    att = extract_att(cache_folder() / "att")
    file = options.yunet or make_yunet(cache_folder() / "yunet.onnx")
    with tempfile.TemporaryDirectory() as folder:
        models = install_detectors(folder=Path(folder))[0].parent
        detectors: dict[str, Detector] = {
            name: open_detector(name, models=models) for name in ("short-range", "full-range", "back")
        }
        detectors["YuNet, 320"] = YuNet(file)
        detectors["YuNet, 640"] = YuNet(file, longest_px=640)
        judges = [detectors[name] for name in ("full-range", "back", "YuNet, 320")]
        say(f"{options.people} people, {len(detectors)} detectors")
        result = {"made": described(), "pasted": summary(run(pasted(att, judges, people=options.people), detectors))}
        if options.photos is not None:
            judges = [detectors[name] for name in ("full-range", "back", "YuNet, 640")]
            scenes = list(photographs(options.photos, judges))
            result["photos"] = summary(run(scenes, detectors, as_shot=True))
    return result


if __name__ == "__main__":
    raise SystemExit(run_command(make_parser(), None))
