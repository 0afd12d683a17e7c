"""Where trusted keys come from, and the commands that keep them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from edge_helpers import Command, listing
from test_edge_signature import MAKER, STRANGER, signed

from edge_runtime.errors import TowerError, UsageError
from edge_runtime.machine.doctor import examine
from edge_runtime.towers.signature import key_fingerprint
from edge_runtime.towers.tower import Tower
from edge_runtime.towers.trust import KEYS_VARIABLE, REQUIRED_VARIABLE, Trust


def pem(path: Path, key: Ed25519PrivateKey = MAKER) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return path


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own."""
    monkeypatch.setenv("SIAMLITE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def towers(tiny_tower_path: Path, tmp_path: Path) -> dict[str, Path]:
    """The tower unsigned, signed by the maker, and signed by somebody else."""
    data = tiny_tower_path.read_bytes()
    made = {"unsigned": data, "signed": signed(data), "foreign": signed(data, STRANGER)}
    for name, content in made.items():
        (tmp_path / f"{name}.tflite").write_bytes(content)
    return {name: tmp_path / f"{name}.tflite" for name in made}


def names() -> list[str]:
    return [key.name for key in Trust.configured().keys]


def test_the_most_particular_place_counts(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Trust.configured() == Trust.anyone()
    pem(home / "trusted-keys/home.pem")
    (home / "trusted-keys/readme.txt").write_text("not a key")
    assert names() == ["home"]
    folder, file = pem(tmp_path / "keys/a.pub.pem").parent, pem(tmp_path / "b.pem", STRANGER)
    monkeypatch.setenv(KEYS_VARIABLE, f"{folder}{os.pathsep}{file}")
    assert names() == ["a", "b"]
    monkeypatch.setenv(KEYS_VARIABLE, "")
    assert names() == ["home"]
    assert [key.name for key in Trust.configured([file]).keys] == ["b"]
    assert Trust.configured([file]).required


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        (KEYS_VARIABLE, "/nowhere/key.pem", "cannot read the key"),
        (KEYS_VARIABLE, "EMPTY", "holds no .pem file"),
        (REQUIRED_VARIABLE, "1", "siamlite trust add KEY.pem"),
        (REQUIRED_VARIABLE, "yes", "must be 1 or 0"),
    ],
)
def test_a_configuration_that_names_nobody_loads_nothing(
    variable: str, value: str, said: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    tiny_tower_path: Path,
) -> None:  # fmt: skip
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv(variable, value.replace("EMPTY", str(tmp_path / "empty")))
    with pytest.raises(UsageError, match=said) as refusal:
        Tower.load(tiny_tower_path)
    assert "\n" not in str(refusal.value)


def test_a_spoiled_key_at_home_loads_nothing(home: Path, tiny_tower_path: Path) -> None:
    pem(home / "trusted-keys/good.pem")
    (home / "trusted-keys/bad.pem").write_text("spoiled")
    with pytest.raises(UsageError, match=r"bad\.pem"):
        Tower.load(tiny_tower_path)
    (home / "trusted-keys/bad.pem").unlink()
    (home / "trusted-keys/good.pem").rename(home / "saved.pem")
    (home / "trusted-keys").rmdir()
    (home / "trusted-keys").write_text("no folder")
    with pytest.raises(UsageError, match="cannot read the trusted keys"):
        Tower.load(tiny_tower_path)


@pytest.mark.parametrize("command", ["enroll", "verify", "identify", "bench"])
def test_every_command_that_takes_a_tower_asks_for_its_maker(
    command: str, home: Path, towers: dict[str, Path], siamlite: Command, tmp_path: Path
) -> None:
    name = ["anna"] if command in ("enroll", "verify") else []
    words = [command, *name, "--source", "0", "--tower", towers["unsigned"]]
    assert "no key is trusted here" in siamlite.fails(2, *words, "--require-signed")
    assert "is not signed" in siamlite.fails(3, *words, "--trusted-key", pem(tmp_path / "maker.pub.pem"))
    words[-1] = towers["foreign"]
    assert "only maker (" in siamlite.fails(3, *words, "--trusted-key", tmp_path / "maker.pub.pem")


def test_keys_are_added_listed_and_removed(home: Path, towers: dict[str, Path], siamlite: Command) -> None:
    given = pem(home.parent / "maker.pub.pem")
    code, out, _ = siamlite("trust", "list", "--json")
    assert (code, json.loads(out)) == (0, {"keys": [], "accepts": "any"})
    code, out, err = siamlite("trust", "add", given)
    fingerprint = key_fingerprint(MAKER.public_key().public_bytes_raw())
    assert (code, out) == (0, "")
    assert fingerprint in err
    kept = home / "trusted-keys/maker.pem"
    assert kept.stat().st_mode & 0o777 == 0o644
    assert kept.read_bytes() == given.read_bytes()

    with pytest.raises(TowerError, match="is not signed"):
        Tower.load(towers["unsigned"])
    assert Tower.load(towers["signed"]).provenance.signer == "maker"
    with pytest.raises(TowerError, match="only maker"):
        Tower.load(towers["foreign"])

    _, out, _ = siamlite("trust", "list", "--json")
    assert json.loads(out)["keys"] == [{"name": "maker", "fingerprint": fingerprint, "path": str(kept)}]
    assert "maker" in siamlite("trust", "list")[1]
    assert "trusted already, as maker" in siamlite.fails(2, "trust", "add", given, "--name", "other")
    assert "--force" in siamlite.fails(2, "trust", "add", given)
    assert siamlite("trust", "add", given, "--force", "--json")[0] == 0
    assert "there are: maker" in siamlite.fails(2, "trust", "remove", "nobody")
    code, _, err = siamlite("trust", "remove", "maker")
    assert code == 0
    assert "no trusted key is left" in err
    assert listing(home) == {}
    Tower.load(towers["unsigned"])


def test_only_a_key_is_kept_of_a_file_from_outside(home: Path, siamlite: Command) -> None:
    given = pem(home.parent / "k.pem")
    given.write_bytes(b"hello, world\n" + given.read_bytes() + b"more\n" * 9)
    assert siamlite("trust", "add", given, "--name", "k")[0] == 0
    assert (home / "trusted-keys/k.pem").read_bytes() == pem(home.parent / "k.pem").read_bytes()


@pytest.mark.parametrize("name", ["../up", "a/b", ".hidden", "x" * 101, "a\x1b[2J", ".."])
def test_a_name_stays_in_the_folder(name: str, home: Path, siamlite: Command) -> None:
    siamlite.fails(2, "trust", "add", pem(home.parent / "k.pem"), "--name", name)
    siamlite.fails(2, "trust", "remove", name)
    assert listing(home) == {}


def test_a_private_key_is_not_trusted(home: Path, siamlite: Command) -> None:
    path = home.parent / "maker.key"
    path.write_bytes(MAKER.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    assert "holds a private key" in siamlite.fails(2, "trust", "add", path)
    assert listing(home) == {}


def test_the_doctor_says_who_signed(home: Path, towers: dict[str, Path], tmp_path: Path) -> None:
    def detail(tower: str, *keys: Path, **more: bool) -> tuple[str, str, str]:
        found = {f.name: f for f in examine(
            tower_path=towers[tower], gallery_path=tmp_path / "none.db", trusted_keys=keys, **more
        )}  # fmt: skip
        return found["trust"].detail, found["tower"].status, found["tower"].detail

    key = pem(tmp_path / "maker.pub.pem")
    trust, _, said = detail("unsigned")
    assert "towers of any maker" in trust
    assert ", not signed" in said
    assert "not among the trusted keys" in detail("foreign")[2]
    trust, _, said = detail("signed", key)
    assert trust.startswith("only towers signed by maker (")
    assert "signed by maker (" in said
    assert detail("foreign", key)[1] == "broken"
    assert detail("signed", require_signed=True)[1] == "broken"
