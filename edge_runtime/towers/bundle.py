"""One file that explains itself: a TFLite flatbuffer with a zip archive behind it.

TFLite's own convention for associated files: ``unzip -l tower.tflite`` lists them, every interpreter ignores them.

==================  ================================================================================================
``card.json``       the model card (:mod:`edge_runtime.towers.card`)
``golden.npz``      ``crops`` uint8 (n, size, size, 3) RGB and ``embeddings`` float32 (n, d), unit length
``hashes.json``     SHA-256 and length of the flatbuffer, SHA-256 of the two members above
``signature.json``  in a signed tower only: the maker's signature over the bytes of ``hashes.json``
==================  ================================================================================================

The hashes guard against damage and careless edits; only the signature proves who made the file. The archive of a signed
tower is stored without compression, so that its parts can be written in one way only: a file that is not that one,
down to the dates in its archive, is refused. Nothing of it lies outside the signature.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.arrays import PLAIN_METHODS, arrays_in
from edge_runtime.commands.printable import printable
from edge_runtime.errors import TowerError
from edge_runtime.files import read_whole, sha256_bytes
from edge_runtime.towers.card import Card, card_from_json, card_to_json
from edge_runtime.towers.signature import Signature, signature_from_json, signature_to_json
from edge_runtime.towers.trust import UNSIGNED, Provenance, Trust

# In the order in which they are written.
_MEMBER_LIMITS = {"card.json": 4 << 20, "golden.npz": 32 << 20, "hashes.json": 64 << 10, "signature.json": 4 << 10}
_NEEDED, _HASHED = frozenset(_MEMBER_LIMITS) - {"signature.json"}, ("card.json", "golden.npz")
_MAX_FILE = 512 << 20
_AGAIN = "Copy it again, or export it again: python -m export convert RUN --representative FACES --out tower.tflite"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """The parts of a tower file.

    Attributes:
        flatbuffer: The TFLite model.
        card: The model card.
        golden_crops: uint8 of shape (n, size, size, 3), RGB, aligned.
        golden_embeddings: float32 of shape (n, d), unit length: what the crops must give.
        provenance: Who made the file that the parts were read from, as far as it was proved.
    """

    flatbuffer: bytes
    card: Card
    golden_crops: npt.NDArray[np.uint8]
    golden_embeddings: npt.NDArray[np.float32]
    provenance: Provenance = UNSIGNED


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a tower file holds, byte for byte: it agrees with its hashes, but nothing is understood or trusted yet.

    Attributes:
        flatbuffer: The TFLite model.
        members: ``card.json``, ``golden.npz`` and ``hashes.json``.
        signature: The signature; None in a tower that is not signed.
    """

    flatbuffer: bytes
    members: dict[str, bytes]
    signature: Signature | None = None


def pack_bundle(bundle: Bundle) -> bytes:
    """The bytes of an unsigned tower file; the same parts always give the same bytes."""
    golden = io.BytesIO()
    np.savez_compressed(golden, crops=bundle.golden_crops, embeddings=bundle.golden_embeddings)
    members = {"card.json": card_to_json(bundle.card), "golden.npz": golden.getvalue()}
    hashes: dict[str, Any] = {
        "flatbuffer": {"bytes": len(bundle.flatbuffer), "sha256": sha256_bytes(bundle.flatbuffer)},
        "members": {name: sha256_bytes(data) for name, data in members.items()},
    }
    members["hashes.json"] = (json.dumps(hashes, indent=2, sort_keys=True) + "\n").encode()
    return pack_contents(Contents(flatbuffer=bundle.flatbuffer, members=members))


def pack_contents(contents: Contents) -> bytes:
    """The bytes of a tower file with exactly these contents."""
    members, method = dict(contents.members), zipfile.ZIP_DEFLATED
    if contents.signature is not None:
        # Compressed bytes depend on the zlib that made them; stored bytes can be compared with the file.
        members["signature.json"], method = signature_to_json(contents.signature), zipfile.ZIP_STORED
    whole = io.BytesIO()
    whole.write(contents.flatbuffer)
    # Mode "w" goes on behind the flatbuffer; mode "a" would look for an archive inside of it.
    with zipfile.ZipFile(whole, "w", method) as archive:
        for name in (name for name in _MEMBER_LIMITS if name in members):
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            archive.writestr(entry, members[name], method)
    return whole.getvalue()


def read_bundle(path: str | Path, *, trust: Trust | None = None) -> Bundle:
    """Read a tower file and check every byte of it.

    Args:
        path: The file.
        trust: Whose towers are accepted; what this machine is configured to trust if None.

    Raises:
        MissingDependency: A signature is required, but there is no ``cryptography`` package to check it with.
        TowerError: It is missing, truncated, foreign, was changed after it was made, or its maker is not trusted.
        UsageError: A trusted key cannot be used, or signed towers are required and no key is trusted.
    """
    accepted = Trust.configured() if trust is None else trust
    contents = unpack_contents(_read_file(Path(path)), str(path))
    provenance = accepted.check(contents.signature, contents.members["hashes.json"], str(path))
    card = card_from_json(contents.members["card.json"])
    crops, embeddings = _read_golden(contents.members["golden.npz"], card, str(path))
    return Bundle(
        flatbuffer=contents.flatbuffer,
        card=card,
        golden_crops=crops,
        golden_embeddings=embeddings,
        provenance=provenance,
    )


def unpack_contents(data: bytes, name: str) -> Contents:
    """Take a tower file apart and check it against its hashes.

    Args:
        data: Its bytes.
        name: Its name, for the messages.

    Raises:
        TowerError: It is truncated, foreign, or was changed after it was made.
    """
    members = _read_members(data, name)
    flatbuffer = _checked_flatbuffer(data, members, name)
    signed = members.pop("signature.json", None)
    signature = None if signed is None else signature_from_json(signed, name)
    contents = Contents(flatbuffer=flatbuffer, members=members, signature=signature)
    if signature is not None and pack_contents(contents) != data:
        raise TowerError(f"{name}: its archive was changed after the tower was signed. Get it again from its maker.")
    return contents


def _read_file(path: Path) -> bytes:
    try:
        return read_whole(path, most_bytes=_MAX_FILE)
    except OSError as error:
        raise TowerError(
            f"cannot read the tower {path}: {error.strerror or error}. Give a tower file with --tower."
        ) from error


def _read_members(data: bytes, name: str) -> dict[str, bytes]:
    """The archive's members, exactly the known ones and none larger than it may be."""
    if data[4:8] != b"TFL3":
        raise TowerError(f"{name} is not a siamlite tower: it does not begin as a TFLite file. {_AGAIN}")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            names = [entry.filename for entry in entries]
            if len(set(names)) < len(names) or set(names) - {"signature.json"} != _NEEDED:
                held = printable(", ".join(sorted(names))[:200]) or "nothing"
                raise TowerError(f"{name} is not a siamlite tower: its archive holds {held}. {_AGAIN}")
            for entry in entries:
                if entry.file_size > _MEMBER_LIMITS[entry.filename]:
                    raise TowerError(f"{name}: its {entry.filename} is too large. {_AGAIN}")
                if entry.compress_type not in PLAIN_METHODS:
                    raise TowerError(f"{name}: its {entry.filename} is packed as siamlite packs nothing. {_AGAIN}")
            return {entry.filename: archive.read(entry) for entry in entries}
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        raise TowerError(
            f"{name} is not a whole siamlite tower: it is truncated, or a TFLite file without a card. {_AGAIN}"
        ) from error


def _checked_flatbuffer(data: bytes, members: dict[str, bytes], name: str) -> bytes:
    try:
        hashes = json.loads(members["hashes.json"])
        length, digest = int(hashes["flatbuffer"]["bytes"]), str(hashes["flatbuffer"]["sha256"])
        expected = {str(member): str(value) for member, value in hashes["members"].items()}
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise TowerError(f"{name}: its list of hashes cannot be read. {_AGAIN}") from error
    if set(expected) != set(_HASHED):
        raise TowerError(f"{name}: its list of hashes is not one of {' and '.join(_HASHED)}. {_AGAIN}")
    for member in _HASHED:
        if expected[member] != sha256_bytes(members[member]):
            raise TowerError(f"{name}: its {member} was changed after the tower was made. {_AGAIN}")
    flatbuffer = data[:length]
    if length <= 8 or data[length : length + 4] != b"PK\x03\x04" or sha256_bytes(flatbuffer) != digest:
        raise TowerError(f"{name}: its model was changed after the tower was made, or is damaged. {_AGAIN}")
    return flatbuffer


def _read_golden(data: bytes, card: Card, name: str) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    try:
        golden = arrays_in(data, ("crops", "embeddings"), most_bytes=_MEMBER_LIMITS["golden.npz"])
        crops, embeddings = golden["crops"], golden["embeddings"]
    except ValueError as error:
        raise TowerError(f"{name}: its golden vectors cannot be read. {_AGAIN}") from error
    side, count = card.input.size_px, crops.shape[0] if crops.ndim else 0
    shapes_agree = crops.shape == (count, side, side, 3) and embeddings.shape == (count, card.embedding_length)
    if count < 1 or not shapes_agree or crops.dtype != np.uint8 or embeddings.dtype != np.float32:
        raise TowerError(f"{name}: its golden vectors do not fit its card. {_AGAIN}")
    if not (np.abs(np.einsum("ij,ij->i", embeddings, embeddings) - 1) < 2e-3).all():
        raise TowerError(f"{name}: its golden embeddings are not of length 1. {_AGAIN}")
    return crops, embeddings
