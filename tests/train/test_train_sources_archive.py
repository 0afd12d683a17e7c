import json
import tarfile
import zipfile

import numpy as np
import pytest
from source_helpers import picture_files, png, write_files, write_tar, write_zip
from train_helpers import write_people

from edge_runtime.errors import DataError
from edge_runtime.towers.preprocess import InputSpec
from train.data.faces import load_faces
from train.data.sources import limits
from train.data.sources.open import needs_preparing, open_source

RGB = InputSpec(size_px=16, colour="rgb")
NAMES = ("faces.zip", "faces.tar", "faces.tar.gz", "faces.tgz", "faces.tar.xz", "faces.tar.bz2")


def pack(path, files):
    return write_zip(path, files) if path.suffix == ".zip" else write_tar(path, files)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("wrapper", ["", "set/"])
def test_an_archive_gives_what_its_folder_gives(tmp_path, name, wrapper):
    files = picture_files(people=12)
    folder = load_faces(write_files(tmp_path / "folder", files), RGB)
    shuffled = dict(sorted(files.items(), key=lambda item: item[1]))
    junk = {"__MACOSX/p0/._0.png": b"x", f"{wrapper}p0/.hidden/0.png": b"x", f"{wrapper}readme.txt": b"x"}
    path = pack(tmp_path / name, {**{f"{wrapper}{name}": data for name, data in shuffled.items()}, **junk})
    before = sorted(tmp_path.rglob("*"))
    packed = load_faces(path, RGB)
    assert sorted(tmp_path.rglob("*")) == before
    assert (packed.people, packed.names, packed.hashes) == (folder.people, folder.names, folder.hashes)
    np.testing.assert_array_equal(packed.pixels, folder.pixels)
    assert packed.sha256 == folder.sha256


@pytest.mark.parametrize("name", NAMES[:3])
def test_the_mark_of_prepared_faces_is_read(tmp_path, name):
    folder = write_people(tmp_path / "faces", people=2, pictures=1)
    mark = json.loads((folder / "faces.json").read_text())
    mark["template"]["name"] = "other"
    files = {f"faces/{path.relative_to(folder)}": path.read_bytes() for path in folder.rglob("*.png")}
    path = pack(tmp_path / name, {**files, "faces/faces.json": json.dumps(mark).encode()})
    assert open_source(path).kind == "faces"
    assert not needs_preparing(path)
    assert load_faces(path, RGB).template.name == "other"
    pack(path, {**files, "faces/faces.json": b"{}"})
    with pytest.raises(DataError, match="no usable alignment template"):
        open_source(path)
    pack(path, {**files, "faces/faces.json": b"["})
    with pytest.raises(DataError, match=r"faces/faces\.json in .* is no mark of prepared faces"):
        open_source(path)


def test_an_unmarked_archive_is_taken_for_photographs(tmp_path):
    assert needs_preparing(write_zip(tmp_path / "a.zip", picture_files()))


@pytest.mark.parametrize(
    "name", ["/etc/p0/0.png", "../p0/0.png", "p0/../../0.png", "C:/p0/0.png", "p0\\0.png", "p0/\n.png"]
)
@pytest.mark.parametrize("archive", ["a.zip", "a.tar"])
def test_names_that_lead_outside_are_refused(tmp_path, name, archive):
    path = pack(tmp_path / archive, {**picture_files(), name: png(1)})
    with pytest.raises(DataError, match="holds the unsafe name"):
        open_source(path)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_in_a_tar_are_refused(tmp_path, kind):
    member = tarfile.TarInfo("p0/link.png")
    member.type, member.linkname = kind, "/etc/passwd"
    path = write_tar(tmp_path / "a.tar", picture_files(), extra=(member,))
    with pytest.raises(DataError, match="is a link or a device"):
        open_source(path)


def test_a_link_in_a_zip_is_refused(tmp_path):
    path = write_zip(tmp_path / "a.zip", picture_files())
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("p0/link.png")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(DataError, match="is a link or a device"):
        open_source(path)


def test_an_encrypted_zip_is_refused(tmp_path):
    path = write_zip(tmp_path / "a.zip", picture_files())
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(DataError, match="is encrypted"):
        open_source(path)


@pytest.mark.parametrize("name", NAMES[:5])
def test_a_picture_that_is_too_large_is_refused(tmp_path, name, monkeypatch):
    for module in ("zip", "tar"):
        monkeypatch.setattr(f"train.data.sources.{module}.MAX_PICTURE_BYTES", 5000)
    path = pack(tmp_path / name, {**picture_files(), "p0/large.png": bytes(6000)})
    with pytest.raises(DataError, match=r"p0/large\.png is larger than"):
        open_source(path)


@pytest.mark.parametrize("name", NAMES)
def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path, name, monkeypatch):
    monkeypatch.setattr(limits, "_ALWAYS_ALLOWED_BYTES", 1000)
    monkeypatch.setattr(limits, "_MAX_RATIO", 2 if name != "faces.tar" else 0)
    path = pack(tmp_path / name, {f"p{n}/0.png": bytes(200_000) for n in range(8)})
    with pytest.raises(DataError, match="it unpacks to more than"):
        open_source(path)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("keep", [0.0, 0.5])
def test_half_an_archive_is_refused(tmp_path, name, keep):
    path = pack(tmp_path / name, picture_files(people=6, pictures=4))
    data = path.read_bytes()
    path.write_bytes(data[: int(keep * len(data))])
    with pytest.raises(DataError, match=r"archive that can be read|no pictures in|is damaged after"):
        open_source(path)


def test_a_tar_that_ends_between_two_members_or_in_a_bad_header_is_damage(tmp_path):
    path = write_tar(tmp_path / "a.tar", picture_files())
    with tarfile.open(path) as archive:
        start = archive.getmembers()[3].offset
    data = bytearray(path.read_bytes())
    path.write_bytes(data[:start])
    with pytest.raises(DataError, match="is damaged after 3 files"):
        open_source(path)
    data[start + 148 : start + 156] = b"0000000\0"
    path.write_bytes(data)
    with pytest.raises(DataError, match="is damaged after 3 files"):
        open_source(path)


@pytest.mark.parametrize("name", NAMES[:5])
def test_what_is_no_archive_is_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"this is a text and no archive" * 100)
    with pytest.raises(DataError, match="archive that can be read"):
        open_source(tmp_path / name)


def test_a_damaged_member_of_a_zip_is_skipped(tmp_path):
    path = write_zip(tmp_path / "a.zip", picture_files())
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo("p1/0.png")
    data = bytearray(path.read_bytes())
    start = info.header_offset + 30 + len(info.filename)
    data[start + 100 : start + 110] = bytes(10)
    path.write_bytes(data)
    faces = load_faces(path, RGB)
    assert faces.skipped == ("p1/0.png",)
    assert len(faces.labels) == 5


@pytest.mark.parametrize("name", NAMES[:2])
def test_two_members_of_one_name_are_refused(tmp_path, name):
    path = tmp_path / name
    write_tar(path, picture_files(), extra=(tarfile.TarInfo("p0/0.png"),))
    if path.suffix == ".zip":
        write_zip(path, picture_files())
        with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("p0/0.png", b"another")
    with pytest.raises(DataError, match=r"holds p0/0\.png 2 times"):
        open_source(path)


@pytest.mark.parametrize("name", NAMES[:3])
def test_omniglot_in_a_folder_or_archive(tmp_path, name):
    files = {
        f"{half}/{alphabet}/character{number:02d}/{number:04d}_01.png": png(number, 20 + number)
        for half, alphabet in (("images_background", "Greek"), ("images_evaluation", "Oriya"))
        for number in (1, 2)
    }
    spec = InputSpec(size_px=28, colour="grey")
    for place in (pack(tmp_path / name, files), write_files(tmp_path / "set", files)):
        faces = load_faces(f"omniglot:{place}", spec)
        assert faces.people == ("Greek/character01", "Greek/character02", "Oriya/character01", "Oriya/character02")
        assert faces.names[0] == "Greek/character01/0001_01.png"
        assert faces.halves == ("train", "train", "test", "test")
        assert faces.template is None
        assert not needs_preparing(f"omniglot:{place}")
    inner = load_faces(f"omniglot:{tmp_path / 'set' / 'images_background'}", spec)
    assert (len(inner.people), inner.halves) == (2, None)
    assert load_faces(tmp_path / "set", InputSpec(size_px=16, colour="grey")).people == (
        "images_background",
        "images_evaluation",
    )


def test_omniglot_needs_alphabets_and_characters(tmp_path):
    with pytest.raises(DataError, match="lies in no alphabet/character folder"):
        open_source(f"omniglot:{write_files(tmp_path / 'a', picture_files())}")
    with pytest.raises(DataError, match="is no folder and no archive"):
        open_source(f"omniglot:{tmp_path / 'nowhere'}")
    twice = {f"{half}/Greek/alpha/1.png": png(1) for half in ("a", "b")}
    with pytest.raises(DataError, match=r"holds Greek/alpha/1\.png 2 times"):
        open_source(f"omniglot:{write_files(tmp_path / 'b', twice)}")
