"""Pictures that are there more than once: the same bytes, nearly the same pixels, or the same content to a tower."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from edge_runtime.errors import DataError, ImageError, UsageError
from edge_runtime.files import sha256_bytes
from edge_runtime.images import decode_image
from train.apply.embed_files import Skipped, embed_files
from train.data.fingerprints import near_pairs, perceptual_hash, thumbprint
from train.measure.evaluate import LoadedTower

# From the surest to the least sure. A group is named after the least sure of its links.
KINDS = ("same-bytes", "near-duplicate", "same-content")
DEFAULT_BITS = 6
DEFAULT_SAME_ABOVE = 0.995
# See train.data.fingerprints.thumbprint.
_LEAST_LIKENESS = 0.99
_BLOCK = 1024

Link = tuple[int, int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Pictures that are one.

    Attributes:
        kind: One of ``KINDS``.
        pictures: The files, two or more. Each is linked to another of them, not to all.
    """

    kind: str
    pictures: tuple[Path, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicates:
    """What was found.

    Attributes:
        searched: How many pictures were compared.
        groups: Those that are there more than once.
        skipped: Files that could not be read, and with a tower those without a usable face.
    """

    searched: int
    groups: tuple[Group, ...]
    skipped: tuple[Skipped, ...]

    def as_mapping(self) -> dict[str, Any]:
        """The values as JSON holds them."""
        return {
            "searched": self.searched,
            "groups": [
                {"kind": group.kind, "pictures": [str(path) for path in group.pictures]} for group in self.groups
            ],
            "kinds": dict(Counter(group.kind for group in self.groups)),
            "skipped": [{"picture": str(item.path), "reason": item.reason} for item in self.skipped],
        }


def find_duplicates(
    paths: Sequence[Path],
    *,
    tower: LoadedTower | None = None,
    bits: int = DEFAULT_BITS,
    same_above: float = DEFAULT_SAME_ABOVE,
    aligned: bool = False,
) -> Duplicates:
    """Find pictures that are there more than once. Nothing is deleted.

    Args:
        paths: The files.
        tower: Also group pictures whose embeddings are nearly the same.
        bits: Most bits in which the perceptual hashes of near-duplicates may differ, 0 to 64.
        same_above: Least similarity of pictures with the same content, -1 to 1.
        aligned: For the tower: whether the pictures are aligned crops already.

    Raises:
        UsageError: A limit is out of range.
        DataError: No file can be read, or none can be used by the tower.
    """
    if not -1 <= same_above <= 1:
        raise UsageError(f"--same-above is a cosine similarity from -1 to 1, not {same_above}.")
    near_pairs(np.empty(0, np.uint64), bits)
    held = _read(paths)
    links = [*held.links, *_near_links(held, bits)]
    if tower is not None:
        more, refused = _content_links(tower, held, same_above, aligned)
        links += more
        held.skipped += refused
    return Duplicates(searched=len(held.kept), groups=tuple(_groups(held.kept, links)), skipped=tuple(held.skipped))


@dataclass(slots=True)
class _Read:
    """What reading the files gave: the readable ones, the others, and of each content the first file and its looks."""

    kept: list[Path] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    originals: list[int] = field(default_factory=list)
    hashes: list[int] = field(default_factory=list)
    prints: list[npt.NDArray[np.float16]] = field(default_factory=list)


def _read(paths: Sequence[Path]) -> _Read:
    held = _Read()
    first: dict[str, int] = {}
    for path in _with_progress(paths):
        try:
            data = path.read_bytes()
            digest = sha256_bytes(data)
            image_rgb = None if digest in first else decode_image(data, name=str(path))
        except (ImageError, OSError) as error:
            held.skipped.append(Skipped(path=path, reason=str(error)))
            continue
        if image_rgb is None:
            held.links.append((first[digest], len(held.kept), "same-bytes"))
        else:
            first[digest] = len(held.kept)
            held.originals.append(len(held.kept))
            held.hashes.append(perceptual_hash(image_rgb))
            held.prints.append(thumbprint(image_rgb))
        held.kept.append(path)
    if not held.kept:
        why = held.skipped[0].reason if held.skipped else "there are none."
        raise DataError(f"none of the {len(paths)} pictures can be read; the first: {why}")
    return held


def _near_links(held: _Read, bits: int) -> list[Link]:
    links = []
    for i, j, _ in near_pairs(np.array(held.hashes, dtype=np.uint64), bits):
        likeness = float(held.prints[i].astype(np.float32) @ held.prints[j].astype(np.float32))
        if likeness >= _LEAST_LIKENESS:
            links.append((held.originals[i], held.originals[j], "near-duplicate"))
    return links


def _content_links(
    tower: LoadedTower, held: _Read, same_above: float, aligned: bool
) -> tuple[list[Link], tuple[Skipped, ...]]:
    places = {held.kept[position]: position for position in held.originals}
    embedded = embed_files(tower, list(places), aligned=aligned)
    rows = embedded.embeddings
    links = []
    for start in range(0, len(rows), _BLOCK):
        cosines = rows[start : start + _BLOCK] @ rows[start:].T
        for i, j in zip(*np.nonzero(cosines >= same_above), strict=True):
            if j > i:
                first, second = embedded.paths[start + i], embedded.paths[start + j]
                links.append((places[first], places[second], "same-content"))
    return links, embedded.skipped


def _groups(paths: Sequence[Path], links: Iterable[Link]) -> list[Group]:
    """Join what is linked, the surest links first, in the order of the paths."""
    leader = list(range(len(paths)))
    kinds: dict[int, int] = {}

    def find(item: int) -> int:
        while leader[item] != item:
            leader[item] = leader[leader[item]]
            item = leader[item]
        return item

    for i, j, kind in sorted(links, key=lambda link: KINDS.index(link[2])):
        one, other = sorted((find(i), find(j)))
        if one != other:
            leader[other] = one
            # Links come by falling sureness: the last that joins anything is the group's least sure.
            kinds[one] = KINDS.index(kind)
    members: dict[int, list[Path]] = {}
    for position, path in enumerate(paths):
        members.setdefault(find(position), []).append(path)
    return [Group(kind=KINDS[kinds[top]], pictures=tuple(of)) for top, of in members.items() if len(of) > 1]


def _with_progress(paths: Sequence[Path]) -> Iterable[Path]:
    bar: Iterable[Path] = tqdm(paths, desc="reading", unit="picture", disable=not sys.stderr.isatty(), file=sys.stderr)
    return bar
