"""Keys and signatures on the maker's side."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from edge_runtime.errors import TowerError, UsageError, WriteError
from edge_runtime.towers.bundle import Bundle, pack_bundle, read_bundle
from edge_runtime.towers.tower import Tower
from edge_runtime.towers.trust import Trust
from export.cli import main
from export.delivery.signing import load_private_key, public_path, sign_bundle, write_key_pair

KEY = Ed25519PrivateKey.from_private_bytes(bytes([7]) * 32)
Said = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def no_passphrase(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIAMLITE_KEY_PASSPHRASE", raising=False)


@pytest.fixture
def tower(tiny_tower_path: Path, tmp_path: Path) -> Path:
    path = tmp_path / "tower.tflite"
    path.write_bytes(tiny_tower_path.read_bytes())
    return path


@pytest.fixture
def maker(tmp_path: Path) -> Path:
    path = tmp_path / "keys/maker.key"
    write_key_pair(path)
    return path


def error(said: Said) -> str:
    """The one line of error."""
    err = said.readouterr().err
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    return err


def test_parts_and_bytes_are_signed_alike(tiny_tower_path: Path) -> None:
    bundle: Bundle = read_bundle(tiny_tower_path)
    data = pack_bundle(bundle)
    assert sign_bundle(bundle, KEY) == sign_bundle(data, KEY) == sign_bundle(sign_bundle(data, KEY), KEY)
    with pytest.raises(TowerError):
        sign_bundle(data[:-1], KEY)


def test_a_pair_of_keys_signs_what_a_device_accepts(tmp_path: Path, tower: Path, capsys: Said) -> None:
    key = tmp_path / "maker.key"
    assert main(["keygen", "--out", str(key)]) == 0
    said = capsys.readouterr()
    assert "not encrypted" in said.out
    assert "siamlite trust add" in said.out
    assert key.stat().st_mode & 0o777 == 0o600
    assert public_path(key) == tmp_path / "maker.pub.pem"
    trust = Trust.configured([public_path(key)])
    tower.chmod(0o640)
    assert main(["sign", str(tower), "--key", str(key)]) == 0
    assert "signed by key" in capsys.readouterr().out
    assert tower.stat().st_mode & 0o777 == 0o640
    assert Tower.load(tower, trust=trust).provenance.signer == "maker"
    before = tower.read_bytes()
    assert main(["sign", str(tower), "--key", str(key), "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values == {"path": str(tower), "bytes": len(before), "fingerprint": trust.keys[0].fingerprint}
    assert tower.read_bytes() == before


def test_nothing_is_replaced_unasked(tower: Path, maker: Path, tmp_path: Path, capsys: Said) -> None:
    kept = maker.read_bytes(), public_path(maker).read_bytes()
    assert main(["keygen", "--out", str(maker)]) == 2
    assert "--force" in error(capsys)
    assert (maker.read_bytes(), public_path(maker).read_bytes()) == kept
    assert main(["sign", str(tower), "--key", str(maker), "--out", str(maker)]) == 2
    assert "--force" in error(capsys)

    other, out = tmp_path / "other.key", tmp_path / "out.tflite"
    write_key_pair(other)
    unsigned = tower.read_bytes()
    assert main(["sign", str(tower), "--key", str(maker), "--out", str(out)]) == 0
    assert tower.read_bytes() == unsigned
    capsys.readouterr()
    signed = out.read_bytes()
    assert main(["sign", str(out), "--key", str(other)]) == 2
    assert "Replace that signature with --force" in error(capsys)
    assert out.read_bytes() == signed
    assert main(["sign", str(out), "--key", str(other), "--force"]) == 0
    trust = Trust.configured([public_path(other)])
    assert read_bundle(out, trust=trust).provenance.signer == "other"
    assert main(["keygen", "--out", str(maker), "--force"]) == 0
    assert maker.read_bytes() != kept[0]


def test_a_public_key_left_over_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "maker.pub.pem").write_text("somebody's")
    with pytest.raises(UsageError, match=r"maker\.pub\.pem"):
        write_key_pair(tmp_path / "maker.key")
    assert not (tmp_path / "maker.key").exists()
    with pytest.raises(UsageError, match="taken for a public key"):
        write_key_pair(tmp_path / "other.pub.pem")


def test_no_half_pair_is_left(tmp_path: Path) -> None:
    """The public key cannot be written: a folder of that name is in the way."""
    (tmp_path / "maker.pub.pem").mkdir()
    with pytest.raises(WriteError):
        write_key_pair(tmp_path / "maker.key", force=True)
    assert [path.name for path in tmp_path.iterdir()] == ["maker.pub.pem"]


def test_a_key_can_have_a_passphrase(
    tmp_path: Path, tower: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "maker.key"
    monkeypatch.setenv("SIAMLITE_KEY_PASSPHRASE", "short")
    assert main(["keygen", "--out", str(key)]) == 2
    assert "at least 8" in error(capsys)
    monkeypatch.setenv("SIAMLITE_KEY_PASSPHRASE", "correct horse")
    assert main(["keygen", "--out", str(key), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["encrypted"] is True
    assert b"ENCRYPTED" in key.read_bytes()
    assert main(["sign", str(tower), "--key", str(key)]) == 0
    capsys.readouterr()
    monkeypatch.setenv("SIAMLITE_KEY_PASSPHRASE", "wrong horse")
    assert main(["sign", str(tower), "--key", str(key)]) == 2
    assert "passphrase is wrong" in error(capsys)
    monkeypatch.delenv("SIAMLITE_KEY_PASSPHRASE")
    monkeypatch.setattr("sys.stdin", None)
    assert main(["sign", str(tower), "--key", str(key)]) == 2
    assert "Set SIAMLITE_KEY_PASSPHRASE" in error(capsys)
    assert load_private_key(key, ask=lambda: b"correct horse")


def test_a_public_key_signs_nothing(maker: Path, tower: Path, capsys: Said) -> None:
    assert main(["sign", str(tower), "--key", str(public_path(maker))]) == 2
    assert "is a public key" in error(capsys)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602])
def test_a_key_that_others_can_read_is_refused(mode: int, maker: Path, tower: Path, capsys: Said) -> None:
    before = tower.read_bytes()
    os.chmod(maker, mode)
    assert main(["sign", str(tower), "--key", str(maker)]) == 2
    assert "chmod 600" in error(capsys)
    assert tower.read_bytes() == before


@pytest.mark.parametrize("kind", ["rsa", "ec", "public", "text", "cut", "openssh", "none", "folder"])
def test_other_keys_are_refused(kind: str, maker: Path, tower: Path, tmp_path: Path, capsys: Said) -> None:
    path = tmp_path / "other.key"
    plain = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    made = {
        "rsa": lambda: rsa.generate_private_key(65537, 2048).private_bytes(*plain),
        "ec": lambda: ec.generate_private_key(ec.SECP256R1()).private_bytes(*plain),
        "public": public_path(maker).read_bytes,
        "text": lambda: b"hello",
        "cut": lambda: maker.read_bytes()[:60],
        "openssh": lambda: KEY.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()),
    }
    if kind == "folder":
        path.mkdir()
    elif kind != "none":
        path.write_bytes(made[kind]())
        path.chmod(0o600)
    assert main(["sign", str(tower), "--key", str(path)]) == 2
    line = error(capsys)
    assert str(path) in line
    assert ("another kind" in line) == (kind in ("rsa", "ec"))


def test_a_damaged_tower_is_not_signed(maker: Path, tower: Path, capsys: Said) -> None:
    data = bytearray(tower.read_bytes())
    data[2000] ^= 1
    tower.write_bytes(data)
    assert main(["sign", str(tower), "--key", str(maker)]) == 3
    error(capsys)
    assert tower.read_bytes() == data


def test_a_wrong_signature_is_not_replaced_but_refused(maker: Path, tower: Path, capsys: Said) -> None:
    signed = sign_bundle(tower.read_bytes(), KEY)
    place = signed.index(b'"signature": "') + 20
    tower.write_bytes(signed[:place] + (b"0" if signed[place : place + 1] != b"0" else b"1") + signed[place + 1 :])
    assert main(["sign", str(tower), "--key", str(maker), "--force"]) == 3
    error(capsys)
