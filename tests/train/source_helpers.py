"""Small sources of pictures, written by the tests themselves."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zipfile
from pathlib import Path

import numpy as np

from edge_runtime.images import encode_image


def pattern(number: int, size_px: int = 16) -> np.ndarray:
    """A picture of noise that is another one for each number."""
    return np.random.default_rng(number).integers(0, 256, (size_px, size_px, 3)).astype(np.uint8)


def png(number: int, size_px: int = 16) -> bytes:
    return encode_image(pattern(number, size_px))


def picture_files(prefix: str = "", people: int = 3, pictures: int = 2) -> dict[str, bytes]:
    """Names and bytes of pictures, one folder a person."""
    return {
        f"{prefix}p{person}/{picture}.png": png(10 * person + picture)
        for person in range(people)
        for picture in range(pictures)
    }


def write_files(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def write_zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def write_tar(path: Path, files: dict[str, bytes], *, extra: tuple[tarfile.TarInfo, ...] = ()) -> Path:
    packing = {".gz": "w:gz", ".tgz": "w:gz", ".xz": "w:xz", ".bz2": "w:bz2"}.get(path.suffix, "w")
    with tarfile.open(path, packing) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        for member in extra:
            archive.addfile(member)
    return path


def idx_images(pixels: np.ndarray) -> bytes:
    return struct.pack(">IIII", 2051, *pixels.shape) + pixels.tobytes()


def idx_labels(labels: np.ndarray) -> bytes:
    return struct.pack(">II", 2049, len(labels)) + labels.astype(np.uint8).tobytes()


def write_idx(folder: Path, *, packed: bool = True, counts: dict[str, int] | None = None) -> dict[str, np.ndarray]:
    """Both halves of a set of 12 × 10 pictures of the labels 0, 1 and 2; gives the pixels."""
    held = {}
    folder.mkdir(parents=True, exist_ok=True)
    for half, count in (counts or {"train": 9, "t10k": 6}).items():
        pixels = np.random.default_rng(count).integers(0, 256, (count, 12, 10)).astype(np.uint8)
        files = {
            f"{half}-images-idx3-ubyte": idx_images(pixels),
            f"{half}-labels-idx1-ubyte": idx_labels(np.arange(count) % 3),
        }
        for name, data in files.items():
            if packed:
                (folder / f"{name}.gz").write_bytes(gzip.compress(data))
            else:
                (folder / name).write_bytes(data)
        held[half] = pixels
    return held
