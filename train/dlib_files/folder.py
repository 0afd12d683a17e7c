"""What an import leaves: the tower, how its faces are cut, where it comes from and under which licence."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from edge_runtime import __version__
from edge_runtime.errors import DataError, WriteError
from edge_runtime.faces.align import template_values
from edge_runtime.files import sha256_bytes, staging_folder, write_bytes, write_json
from edge_runtime.towers.preprocess import InputSpec
from train.dlib_files.chip import chip_template
from train.dlib_files.fetch import MODELS_ARCHIVE, PinnedMember
from train.towers.beside import ALIGNMENT, LICENCE, ORIGIN, origin_of_tower, saved_bytes

TOWER = "tower.keras"
LICENCE_NAME = "CC0-1.0"
MAKER = "Davis E. King"
# By the author's description, https://github.com/davisking/dlib-models.
_TRAINED_ON = "about 3 million pictures of 7485 people: FaceScrub, VGG Face and the web, without the people of LFW"

_MEAN_OF = "dlib's descriptors of 78,250 pictures of faces that may be used for research only"


def write_port(
    folder: Path, tower: Any, spec: InputSpec, *, member: PinnedMember, centre_share: float = 0.0
) -> dict[str, Any]:
    """Write a tower that came from dlib, all of it or nothing.

    Args:
        folder: Where to.
        tower: The Keras model.
        spec: What it takes in.
        member: The file that it was read from.
        centre_share: How much of the mean descriptor was taken off.

    Returns:
        What ``origin.json`` holds.

    Raises:
        WriteError: The folder cannot be written.
    """
    data = saved_bytes(tower)
    template = chip_template()
    origin: dict[str, Any] = {
        "tower": {
            **origin_of_tower(TOWER, sha256_bytes(data), spec, length=int(tower.output_shape[-1]), template=template),
            **({"centre": {"share": centre_share, "mean_of": _MEAN_OF}} if centre_share else {}),
        },
        "weights": {
            "file": member.file_name,
            "sha256": member.sha256,
            "made_by": MAKER,
            "licence": LICENCE_NAME,
            "trained_on": _TRAINED_ON,
            "package": f"{MODELS_ARCHIVE.project} {MODELS_ARCHIVE.version}",
            "package_sha256": MODELS_ARCHIVE.sha256,
        },
        "siamlite": __version__,
    }
    staging = staging_folder(folder)
    try:
        write_bytes(staging / LICENCE, licence_text().encode())
        write_json(staging / ALIGNMENT, template_values(template))
        write_json(staging / ORIGIN, origin)
        write_bytes(staging / TOWER, data)
        folder.mkdir(exist_ok=True)
        for name in (LICENCE, ALIGNMENT, ORIGIN, TOWER):
            os.replace(staging / name, folder / name)
    except OSError as error:
        raise WriteError(f"cannot write {folder}: {error.strerror or error}. Choose another --out.") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return origin


def licence_text() -> str:
    """Who made the weights, and CC0 in full, as it came with them.

    Raises:
        DataError: The checkout is not whole.
    """
    path = Path(__file__).with_name("CC0-1.0.txt")
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}. The checkout is not whole.") from error
    return (
        f"The weights of {TOWER} were trained by {MAKER} and come from the file\n"
        "dlib_face_recognition_resnet_model_v1.dat, which the package\n"
        f"{MODELS_ARCHIVE.project} {MODELS_ARCHIVE.version} gives as public domain or under these terms.\n\n{text}"
    )
