"""``siamlite compare``."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_runtime.commands.console import EXIT_OK, EXIT_REFUSED, emit, say, table
from edge_runtime.commands.options import Commands, add_command, set_run, threshold_options, tower_options

if TYPE_CHECKING:
    from edge_runtime.decisions.pair import PairDecision
    from edge_runtime.faces.finder import FoundFace

_QUALITY_WORDS = {"interocular_px": "eyes apart, px", "inside": "inside the picture", "score": "the detector's score"}


def add(commands: Commands) -> None:
    """Add the command and its options."""
    parser = add_command(commands, "compare", "do two pictures show one person?")
    parser.add_argument("first", type=Path, metavar="A", help="a picture with one face")
    parser.add_argument("second", type=Path, metavar="B", help="another one")
    tower_options(parser)
    threshold_options(parser)
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the two side by side as a picture")
    parser.add_argument("--force", action="store_true", help="replace FILE if it is there")
    set_run(parser, _run)


def _run(options: argparse.Namespace) -> int:
    """Do two pictures show one person?"""
    from edge_runtime.commands.given import load_tower
    from edge_runtime.decisions.pair import compare_faces, pair_threshold
    from edge_runtime.files import refuse_overwrite
    from edge_runtime.images import read_image, write_image

    if options.out is not None:
        refuse_overwrite(options.out, force=options.force)
    paths = (options.first, options.second)
    images = [read_image(path) for path in paths]
    tower, finder = load_tower(options)
    threshold = pair_threshold(tower, target_fmr=options.fmr, threshold=options.threshold)
    found = [finder.find_one(image, name=str(path)) for image, path in zip(images, paths, strict=True)]
    decision = compare_faces(tower, found[0], found[1], threshold)
    if options.out is not None:
        from edge_runtime.overlay.pair import draw_pair

        names = [path.name for path in paths]
        write_image(options.out, draw_pair(images, [face.face for face in found], names, decision))
    if options.json:
        emit(_as_json(decision, paths, found))
    else:
        _print(decision, paths, found)
    if options.out is not None:
        say(f"drawn: {options.out}")
    return EXIT_OK if decision.same else EXIT_REFUSED


def _as_json(decision: PairDecision, paths: tuple[Path, Path], found: list[FoundFace]) -> dict[str, Any]:
    return {
        "verdict": decision.verdict,
        "same": decision.same,
        "similarity": round(decision.similarity, 4),
        "threshold": round(decision.threshold, 4),
        "pictures": [
            {
                "path": str(path),
                "box_px": [round(value, 1) for value in face.face.box_px],
                "quality": {name: round(float(value), 3) for name, value in asdict(face.quality).items()},
                "problem": problem and {"reason": problem[0], "advice": problem[1]},
            }
            for path, face, problem in zip(paths, found, decision.problems, strict=True)
        ],
    }


def _print(decision: PairDecision, paths: tuple[Path, Path], found: list[FoundFace]) -> None:
    print(f"{decision.verdict} similarity {decision.similarity:.3f} (needs {decision.threshold:.3f})")
    first, second = (asdict(face.quality) for face in found)
    rows = [[_QUALITY_WORDS.get(name, name), f"{first[name]:.2f}", f"{second[name]:.2f}"] for name in first]
    print(table([["", *(path.name for path in paths)], *rows]), flush=True)
    for path, problem in zip(paths, decision.problems, strict=True):
        if problem is not None:
            say(f"{path}: {problem[0]}: {problem[1]}")
