"""Where the file of dlib's comes from: what ``import-dlib`` and ``import-landmarks`` can be told."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def add_dlib_source(command: Any, file_name: str) -> None:
    """Add ``--archive`` and ``--file``, of which one may be given; without them the archive is fetched.

    Args:
        command: The parser of the command.
        file_name: What the wanted file is called in the archive.
    """
    sources = command.add_mutually_exclusive_group()
    sources.add_argument(
        "--archive",
        metavar="PATH",
        type=Path,
        help="face_recognition_models-0.3.0.tar.gz on this machine, or its folder",
    )
    sources.add_argument("--file", metavar="PATH", type=Path, help=f"{file_name} on this machine")
