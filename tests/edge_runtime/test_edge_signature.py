"""Signed towers: what a signature covers, whom a machine trusts, and that nothing else gets through."""

from __future__ import annotations

import io
import json
import subprocess
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from edge_helpers import in_python
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_runtime.errors import TowerError, UsageError
from edge_runtime.files import sha256_bytes
from edge_runtime.towers.bundle import Contents, pack_contents, read_bundle, unpack_contents
from edge_runtime.towers.signature import Signature, key_fingerprint, read_public_key, short_fingerprint
from edge_runtime.towers.tower import Tower
from edge_runtime.towers.trust import Provenance, Trust

MAKER, STRANGER = (Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32) for seed in (1, 2))
SPKI = PublicFormat.SubjectPublicKeyInfo


def signed(data: bytes, key: Ed25519PrivateKey = MAKER) -> bytes:
    """A tower file with a signature."""
    contents = unpack_contents(data, "t")
    value = key.sign(contents.members["hashes.json"])
    public = key.public_key().public_bytes_raw()
    return pack_contents(replace(contents, signature=Signature(public_key=public, value=value)))


@pytest.fixture
def maker_pem(tmp_path: Path) -> Path:
    """The maker's public key."""
    path = tmp_path / "maker.pub.pem"
    path.write_bytes(MAKER.public_key().public_bytes(Encoding.PEM, SPKI))
    return path


@pytest.fixture
def trust(maker_pem: Path) -> Trust:
    return Trust.configured([maker_pem])


@pytest.fixture
def signed_path(tiny_tower_path: Path, tmp_path: Path) -> Path:
    path = tmp_path / "signed.tflite"
    path.write_bytes(signed(tiny_tower_path.read_bytes()))
    return path


def members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_signed_tower_is_the_same_tower(signed_path: Path, tiny_tower_path: Path, trust: Trust) -> None:
    tower, plain = Tower.load(signed_path, trust=trust), Tower.load(tiny_tower_path)
    assert tower.fingerprint == plain.fingerprint
    key = key_fingerprint(MAKER.public_key().public_bytes_raw())
    assert tower.provenance == Provenance(status="trusted", fingerprint=key, signer="maker")
    assert str(tower.provenance) == f"signed by maker ({short_fingerprint(key)})"
    assert Tower.load(signed_path).provenance == Provenance(status="signed", fingerprint=key)
    assert str(plain.provenance) == "not signed"


def test_the_same_key_gives_the_same_bytes(signed_path: Path, tiny_tower_path: Path) -> None:
    once = signed_path.read_bytes()
    assert once == signed(tiny_tower_path.read_bytes())
    assert once == signed(once)
    assert once != signed(once, STRANGER)
    assert list(members(once)) == ["card.json", "golden.npz", "hashes.json", "signature.json"]


def test_openssl_and_unzip_agree(signed_path: Path, maker_pem: Path, tmp_path: Path) -> None:
    """Whoever does not believe siamlite can check with other tools (docs/signing.md)."""
    held = members(signed_path.read_bytes())
    (tmp_path / "hashes.json").write_bytes(held["hashes.json"])
    (tmp_path / "value").write_bytes(bytes.fromhex(json.loads(held["signature.json"])["signature"]))
    words = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", maker_pem, "-rawin", "-in", "hashes.json"]
    done = subprocess.run([*words, "-sigfile", "value"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "Verified Successfully" in done.stdout, done.stderr


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 10**9), bits=st.integers(1, 255))
def test_no_changed_byte_gets_through(place: int, bits: int, signed_path: Path, tmp_path: Path, trust: Trust) -> None:
    data = bytearray(signed_path.read_bytes())
    data[place % len(data)] ^= bits
    path = tmp_path / "changed.tflite"
    path.write_bytes(data)
    for accepted in (trust, Trust.anyone()):
        with pytest.raises(TowerError) as refusal:
            read_bundle(path, trust=accepted)
        assert "\n" not in str(refusal.value)


def test_no_changed_byte_of_the_archive_gets_through(signed_path: Path, tmp_path: Path, trust: Trust) -> None:
    """Every byte of every record, one after the other: headers, dates, the signature, the directory."""
    good = signed_path.read_bytes()
    contents = unpack_contents(good, "t")
    start = len(contents.flatbuffer)
    card = good.index(contents.members["card.json"], start)
    golden = good.index(contents.members["golden.npz"], start)
    records = [*range(start, card + 2), *range(card + len(contents.members["card.json"]) - 2, golden + 2)]
    records += range(golden + len(contents.members["golden.npz"]) - 2, len(good))
    path = tmp_path / "changed.tflite"
    for place in records:
        data = bytearray(good)
        data[place] ^= 1 << place % 8
        path.write_bytes(data)
        with pytest.raises(TowerError):
            read_bundle(path, trust=trust)


@pytest.mark.parametrize("where", ["front", "between", "back", "comment"])
def test_nothing_can_be_added(where: str, signed_path: Path, tmp_path: Path, trust: Trust) -> None:
    data = signed_path.read_bytes()
    length = len(unpack_contents(data, "t").flatbuffer)
    path = tmp_path / "more.tflite"
    if where == "comment":
        path.write_bytes(data)
        with zipfile.ZipFile(path, "a") as archive:
            archive.comment = b"hello"
    else:
        at = {"front": 8, "between": length, "back": len(data)}[where]
        path.write_bytes(data[:at] + b"more" + data[at:])
    with pytest.raises(TowerError):
        read_bundle(path, trust=trust)


def test_a_compressed_or_reordered_archive_is_refused(signed_path: Path, tmp_path: Path, trust: Trust) -> None:
    """The parts are all right, but the file is not the one that was signed."""
    contents, path = unpack_contents(signed_path.read_bytes(), "t"), tmp_path / "t.tflite"
    held = members(signed_path.read_bytes())
    for names, method in ((list(held), zipfile.ZIP_DEFLATED), (list(held)[::-1], zipfile.ZIP_STORED)):
        whole = io.BytesIO()
        whole.write(contents.flatbuffer)
        with zipfile.ZipFile(whole, "w", method) as archive:
            for name in names:
                archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), held[name], method)
        path.write_bytes(whole.getvalue())
        with pytest.raises(TowerError, match="archive was changed after the tower was signed"):
            read_bundle(path, trust=trust)


def rehashed(contents: Contents, **changed: bytes) -> Contents:
    """Changed members with hashes that fit them, as a careful attacker would write them; the signature is kept."""
    held = contents.members | {name.replace("_", "."): data for name, data in changed.items()}
    hashes = json.loads(held["hashes.json"])
    hashes["flatbuffer"] = {"bytes": len(contents.flatbuffer), "sha256": sha256_bytes(contents.flatbuffer)}
    hashes["members"] = {name: sha256_bytes(held[name]) for name in hashes["members"]}
    held["hashes.json"] = (json.dumps(hashes, indent=2, sort_keys=True) + "\n").encode()
    return replace(contents, members=held)


def forged(kind: str, contents: Contents) -> bytes:
    """A file that agrees with its hashes, but that the maker never signed."""
    assert contents.signature is not None
    if kind == "card":
        card = json.loads(contents.members["card.json"])
        card["thresholds"][0]["threshold"] = -1.0
        return pack_contents(rehashed(contents, card_json=json.dumps(card).encode()))
    if kind == "golden":
        return pack_contents(rehashed(contents, golden_npz=b"PK"))
    if kind == "flatbuffer":
        flipped = bytearray(contents.flatbuffer)
        flipped[len(flipped) // 2] ^= 1
        return pack_contents(rehashed(replace(contents, flatbuffer=bytes(flipped))))
    if kind == "swapped":
        other = rehashed(contents, card_json=contents.members["card.json"].replace(b"tiny", b"tiMy"))
        return pack_contents(replace(contents, signature=unpack_contents(signed(pack_contents(other)), "t").signature))
    if kind == "stranger-as-maker":
        value = STRANGER.sign(contents.members["hashes.json"])
        return pack_contents(replace(contents, signature=replace(contents.signature, value=value)))
    assert kind == "zero"
    return pack_contents(replace(contents, signature=replace(contents.signature, value=bytes(64))))


@pytest.mark.parametrize("kind", ["card", "golden", "flatbuffer", "swapped", "stranger-as-maker", "zero"])
def test_a_forgery_is_refused_whomever_one_trusts(kind: str, signed_path: Path, tmp_path: Path, trust: Trust) -> None:
    path = tmp_path / "forged.tflite"
    path.write_bytes(forged(kind, unpack_contents(signed_path.read_bytes(), "t")))
    for accepted in (trust, Trust.anyone()):
        with pytest.raises(TowerError) as refusal:
            Tower.load(path, trust=accepted)
        assert str(path) in str(refusal.value)
        assert "\n" not in str(refusal.value)


GOOD = {"algorithm": "ed25519", "public_key": "11" * 32, "signature": "22" * 64}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"[" * 4000,
        b"7",
        b"\xff\xfe",
        json.dumps(GOOD | {"algorithm": "rsa"}).encode(),
        json.dumps(GOOD | {"algorithm": ["ed25519"]}).encode(),
        json.dumps(GOOD | {"public_key": "11"}).encode(),
        json.dumps(GOOD | {"signature": 5}).encode(),
        json.dumps(GOOD | {"signature": "zz" * 64}).encode(),
        json.dumps(GOOD | {"more": 1}, indent=2, sort_keys=True).encode() + b"\n",
        json.dumps(GOOD).encode(),
        b'{"algorithm": "ed25519", ' + json.dumps(GOOD, indent=2).encode()[1:],
        b" " * 5000,
    ],
)
def test_what_is_no_signature_is_refused(content: bytes, tiny_tower_path: Path, tmp_path: Path) -> None:
    data, path = tiny_tower_path.read_bytes(), tmp_path / "t.tflite"
    contents = unpack_contents(data, "t")
    whole = io.BytesIO()
    whole.write(contents.flatbuffer)
    with zipfile.ZipFile(whole, "w") as archive:
        for name, held in (contents.members | {"signature.json": content}).items():
            archive.writestr(name, held)
    path.write_bytes(whole.getvalue())
    with pytest.raises(TowerError, match=r"signature|algorithm|is too large") as refusal:
        read_bundle(path, trust=Trust.anyone())
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("twice", ["signature.json", "card.json", "hashes.json"])
def test_a_member_that_is_there_twice_is_refused(twice: str, signed_path: Path, tmp_path: Path, trust: Trust) -> None:
    path = tmp_path / "t.tflite"
    path.write_bytes(signed_path.read_bytes())
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr(twice, members(signed_path.read_bytes())[twice])
    with pytest.raises(TowerError, match="its archive holds"):
        read_bundle(path, trust=trust)


@pytest.mark.parametrize("keep", [0, 100, 0.5, -1])
def test_a_truncated_one_is_refused(keep: float, signed_path: Path, tmp_path: Path, trust: Trust) -> None:
    data, path = signed_path.read_bytes(), tmp_path / "t.tflite"
    path.write_bytes(data[: int(keep * len(data)) if isinstance(keep, float) else keep])
    with pytest.raises(TowerError):
        read_bundle(path, trust=trust)


def test_trust_asks_for_the_maker(signed_path: Path, tiny_tower_path: Path, tmp_path: Path, trust: Trust) -> None:
    with pytest.raises(TowerError, match="is not signed"):
        Tower.load(tiny_tower_path, trust=trust)
    foreign = tmp_path / "foreign.tflite"
    foreign.write_bytes(signed(tiny_tower_path.read_bytes(), STRANGER))
    with pytest.raises(TowerError, match="siamlite trust add"):
        Tower.load(foreign, trust=trust)
    assert Tower.load(foreign, trust=Trust.anyone()).provenance.status == "signed"


MakePem = Callable[[], bytes]
OTHER_KEYS: dict[str, tuple[MakePem, str]] = {
    "rsa": (lambda: rsa.generate_private_key(65537, 2048).public_key().public_bytes(Encoding.PEM, SPKI), "RSA"),
    "ec": (
        lambda: ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(Encoding.PEM, SPKI),
        "another kind",
    ),
    "private": (lambda: MAKER.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), "private key"),
    "text": (lambda: b"hello", "no public key in PEM"),
    "cut": (lambda: MAKER.public_key().public_bytes(Encoding.PEM, SPKI)[:70], "no public key in PEM"),
    "huge": (lambda: b"-" * (65 << 10), "larger than 64 KiB"),
    "empty": (lambda: b"", "no public key in PEM"),
}


@pytest.mark.parametrize("kind", OTHER_KEYS)
def test_only_ed25519_public_keys_can_be_trusted(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(OTHER_KEYS[kind][0]())
    with pytest.raises(UsageError, match=OTHER_KEYS[kind][1]) as refusal:
        read_public_key(path)
    assert "\n" not in str(refusal.value)
    with pytest.raises(UsageError, match="cannot read the key"):
        read_public_key(tmp_path / "none.pem")


def test_without_the_package(signed_path: Path, maker_pem: Path, tmp_path: Path) -> None:
    """No trust: it loads, and says that nothing was checked. Trust: it is refused, and pip is named."""
    code = (
        "import sys; sys.modules['cryptography'] = None\n"
        "from edge_runtime.commands.cli import main\n"
        "raise SystemExit(main(['doctor', '--tower', *sys.argv[1:]]))"
    )
    plain = in_python(code, signed_path, SIAMLITE_HOME=str(tmp_path / "home"))
    assert "not checked: pip install 'siamlite[signed]'" in plain.stdout, plain.stderr
    trusting = in_python(code, signed_path, "--trusted-key", maker_pem)
    assert trusting.returncode == 1
    assert "pip install 'siamlite[signed]'" in trusting.stdout
    assert "was not loaded" in trusting.stdout
    loading = (
        "import sys; sys.modules['cryptography'] = None; import logging; logging.basicConfig(level='INFO')\n"
        "from edge_runtime.towers.tower import Tower; print(Tower.load(sys.argv[1]).provenance.status)"
    )
    loaded = in_python(loading, signed_path)
    assert loaded.stdout == "unchecked\n"
    assert "was not checked" in loaded.stderr
    trusted = in_python(loading, signed_path, SIAMLITE_TRUSTED_KEYS=str(maker_pem))
    assert "MissingDependency" in trusted.stderr
