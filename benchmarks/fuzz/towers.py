"""Tower files: damaged, and written by somebody who knows how to."""

from __future__ import annotations

import io
import json
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.fuzz.choices import Choices, changed_bytes, hostile_json
from benchmarks.fuzz.contract import Attempt, Wrong
from edge_runtime.errors import SiamliteError
from edge_runtime.files import sha256_bytes
from edge_runtime.gallery.header import Space
from edge_runtime.towers.bundle import Bundle, Contents, pack_contents, read_bundle, unpack_contents
from edge_runtime.towers.signature import Signature
from edge_runtime.towers.tower import Tower
from edge_runtime.towers.trust import Trust

TINY = Path(__file__).resolve().parents[2] / "tests/data/tiny.tflite"


@cache
def _tiny() -> tuple[bytes, Contents, Bundle]:
    data = TINY.read_bytes()
    return data, unpack_contents(data, "tiny"), read_bundle(TINY, trust=Trust.anyone())


def _signed(contents: Contents) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
    value = Signature(public_key=key.public_key().public_bytes_raw(), value=key.sign(contents.members["hashes.json"]))
    return pack_contents(Contents(flatbuffer=contents.flatbuffer, members=contents.members, signature=value))


def file_seeds(folder: Path) -> list[bytes]:
    """A small tower, one that is signed, and their ends."""
    data, contents, _ = _tiny()
    return [data, _signed(contents), data[len(contents.flatbuffer) :], contents.flatbuffer]


def make_file(folder: Path) -> Attempt:
    """The bytes of a tower file, with and without a signature: what is accepted must be the very parts."""
    _, contents, good = _tiny()
    signed = _signed(contents)

    def attempt(given: bytes) -> None:
        path = folder / "case.tflite"
        path.write_bytes(given)
        back = read_bundle(path, trust=Trust.anyone())
        if (back.flatbuffer, back.card) != (good.flatbuffer, good.card):
            raise Wrong("another model or another card")
        if not np.array_equal(back.golden_embeddings, good.golden_embeddings):
            raise Wrong("other golden vectors")
        if back.provenance.status != "unsigned" and given != signed:
            raise Wrong("a signed tower that was changed")

    return attempt


def rehashed(flatbuffer: bytes, card: bytes, golden: bytes) -> bytes:
    """A tower file of any parts, with right hashes."""
    members = {"card.json": card, "golden.npz": golden}
    hashes = {
        "flatbuffer": {"bytes": len(flatbuffer), "sha256": sha256_bytes(flatbuffer)},
        "members": {name: sha256_bytes(part) for name, part in members.items()},
    }
    members["hashes.json"] = (json.dumps(hashes, indent=2, sort_keys=True) + "\n").encode()
    return pack_contents(Contents(flatbuffer=flatbuffer, members=members))


def member_seeds(folder: Path) -> list[bytes]:
    """Choices: card or golden vectors, and what becomes of them."""
    return [b"", *(bytes([a, b, c, 3, 1, 4, 1, 5, 9, 2, 6, 5]) for a in range(4) for b in range(4) for c in (0, 2, 9))]


def make_members(folder: Path) -> Attempt:
    """A hostile card, or hostile golden vectors, with right hashes; what loads is used and described."""
    _, contents, good = _tiny()
    card = json.loads(contents.members["card.json"])

    def attempt(data: bytes) -> None:
        choices = Choices(data)
        kind = choices.number(4)
        golden = contents.members["golden.npz"]
        words = hostile_json(choices, card) if data and kind < 2 else contents.members["card.json"]
        if kind == 2:
            golden = changed_bytes(choices, golden)
        elif kind == 3:
            golden = _hostile_arrays(choices, good)
        path = folder / "case.tflite"
        path.write_bytes(rehashed(contents.flatbuffer, words, golden))
        _use(path)

    return attempt


def _use(path: Path) -> None:
    """Load a tower, and do what the commands do with what its card says."""
    tower = Tower.load(path, trust=Trust.anyone())
    tower.embed_one(np.zeros((tower.spec.size_px, tower.spec.size_px, 3), dtype=np.uint8))
    Space.of(tower)
    card = tower.card
    for text in (card.name, card.licence, card.limits, card.recipe, card.runtime, card.runtime_family):
        if not isinstance(text, str):
            raise Wrong(f"a card with {text!r} in place of words")
    parts = (card.evaluation, card.training, card.representative, card.runtimes, card.versions, card.quality_limits)
    if not all(isinstance(part, dict) for part in parts):
        raise Wrong("a card with something else than a table in it")
    try:
        point = card.operating_point()
    except SiamliteError:
        return
    if not -1 <= point.threshold <= 1.01 or not 0 <= point.fmr <= 1 or point.impostor_pairs < 0:
        raise Wrong(f"a card with an operating point that cannot be: {point}")


def _hostile_arrays(choices: Choices, good: Bundle) -> bytes:
    """Golden vectors of another type, shape or kind of archive."""
    arrays: dict[str, Any] = {"crops": good.golden_crops, "embeddings": good.golden_embeddings}
    name = choices.pick(("crops", "embeddings"))
    array = arrays[name]
    match choices.number(8):
        case 0:
            arrays[name] = np.float32(choices.number(9))
        case 1:
            arrays[name] = array.astype(choices.pick(("f8", "c16", "U3", "S2", "?", "i8", "M8[s]", "f2")))
        case 2:
            arrays[name] = array.reshape(-1)[:: 1 + choices.number(5)]
        case 3:
            arrays[name] = np.asfortranarray(array)
        case 4:
            wild = array.astype(np.float32).copy()
            wild.reshape(-1)[choices.number(wild.size)] = choices.pick((np.nan, np.inf, 3e38, -3e38, 1e-45))
            arrays[name] = wild
        case 5:
            del arrays[name]
        case 6:
            arrays[name] = np.zeros(3, dtype=[("a", "u1"), ("b", "f4", (2,))])
        case _:
            arrays[name] = array[: choices.number(2)]
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return _other_archive(choices, stream.getvalue()) if choices.number(2) else stream.getvalue()


def _other_archive(choices: Choices, data: bytes) -> bytes:
    """The same archive by another method, with a hostile header of an array in it, or with other members."""
    out = io.BytesIO()
    method = choices.pick((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(out, "w", method) as archive:
        for entry in source.namelist():
            content = source.read(entry)
            if choices.number(2):
                content = _hostile_header(choices, content)
            archive.writestr(entry, content)
    return changed_bytes(choices, out.getvalue()) if choices.number(2) else out.getvalue()


def _hostile_header(choices: Choices, content: bytes) -> bytes:
    header = choices.pick(
        (
            b"{'descr': '|u1', 'fortran_order': False, 'shape': (4611686018427387904,)}",
            b"{'descr': '|u1', 'fortran_order': False, 'shape': (2000000000,)}",
            b"{'descr': '|O', 'fortran_order': False, 'shape': (1,)}",
            b"{'descr': '|V1000000000', 'fortran_order': False, 'shape': (1,)}",
            b"{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 64)}",
            b"{'descr': '<f4', 'fortran_order': False, 'shape': ()}",
            b"{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 64L)}",
            b"{'descr': '<f4', 'fortran_order': False, 'shape': (" + b"(" * 3000,
            b"'''", b"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", b"", b"\xff\xfe",
        )
    )  # fmt: skip
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + content[128 : 128 + choices.number(5000)]


def model_seeds(folder: Path) -> list[bytes]:
    """The model of a small tower."""
    return [_tiny()[1].flatbuffer]


def make_model(folder: Path) -> Attempt:
    """A hostile model with right hashes: this is where the interpreter is reached."""
    _, contents, _ = _tiny()

    def attempt(data: bytes) -> None:
        path = folder / "case.tflite"
        path.write_bytes(rehashed(data, contents.members["card.json"], contents.members["golden.npz"]))
        Tower.load(path, trust=Trust.anyone())

    return attempt
