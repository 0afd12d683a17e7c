"""The emulated user space: how its parts are named, fetched, marked and made again."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.arm.packages import apt_configuration, copy_debs, network_settings
from benchmarks.arm.sources import backports_of, read_sources, with_suite
from benchmarks.arm.stages import MARK, alone, is_whole, once
from benchmarks.arm.tools import last_complaint, run_tool
from benchmarks.arm.wheels import (
    ground_requirements,
    interpreter_requirements,
    locked,
    parse_pin,
    pip_platform,
    read_lock,
)
from edge_runtime.errors import DataError, FetchError, MissingDependency, UsageError

ROOT = Path(__file__).resolve().parents[1]


# Stages


def test_a_stage_is_done_once(tmp_path: Path) -> None:
    calls = []

    def make(folder: Path) -> None:
        calls.append(folder)
        (folder / "sub").mkdir()
        (folder / "sub/file").write_bytes(b"whole")

    for _ in range(2):
        folder = once(tmp_path / "stage", {"version": 1}, make, what="a stage")
    assert len(calls) == 1
    assert sorted(path.name for path in folder.iterdir()) == [MARK, "sub"]
    once(tmp_path / "stage", {"version": 2}, make, what="a stage")
    assert len(calls) == 2


@pytest.mark.parametrize("harm", ["truncate", "remove", "mark", "no mark"])
def test_a_damaged_stage_is_done_again(tmp_path: Path, harm: str) -> None:
    def make(folder: Path) -> None:
        (folder / "file").write_bytes(b"whole")

    folder = once(tmp_path / "stage", {}, make, what="a stage")
    if harm == "truncate":
        (folder / "file").write_bytes(b"who")
    elif harm == "remove":
        (folder / "file").unlink()
    elif harm == "mark":
        (folder / MARK).write_text("{")
    else:
        (folder / MARK).unlink()
    assert not is_whole(folder, {})
    once(tmp_path / "stage", {}, make, what="a stage")
    assert (folder / "file").read_bytes() == b"whole"


def test_an_interrupted_stage_is_done_again(tmp_path: Path) -> None:
    def interrupted(folder: Path) -> None:
        (folder / "half").write_bytes(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        once(tmp_path / "stage", {}, interrupted, what="a stage")
    assert not (tmp_path / "stage").exists()
    folder = once(tmp_path / "stage", {}, lambda folder: None, what="a stage")
    assert [path.name for path in folder.iterdir()] == [MARK]
    assert [path.name for path in tmp_path.iterdir()] == ["stage"]


def test_two_processes_do_not_share_a_cache(tmp_path: Path) -> None:
    with alone(tmp_path), pytest.raises(UsageError, match="another process"), alone(tmp_path):
        pass
    with alone(tmp_path):
        pass


# Debian's packages


def test_a_suite_is_added_beside_the_release() -> None:
    modern = "Types: deb\nURIs: http://mirror/debian\nSuites: bookworm bookworm-updates\n\nSuites: bookworm-security\n"
    assert with_suite(modern, "bookworm", "bookworm-backports") == modern.replace(
        "bookworm-updates", "bookworm-updates bookworm-backports"
    )
    line = "deb [signed-by=/key] http://mirror/debian bookworm main"
    assert with_suite(f"{line}\n# deb x bookworm y\n", "bookworm", "bookworm-backports").splitlines() == [
        line,
        line.replace(" bookworm ", " bookworm-backports "),
        "# deb x bookworm y",
    ]
    has_it = "Suites: bookworm bookworm-backports\n"
    assert with_suite(has_it, "bookworm", "bookworm-backports") == has_it
    assert (backports_of("bookworm"), backports_of("trixie")) == ("bookworm-backports", None)


def test_only_apts_own_lists_are_read(tmp_path: Path) -> None:
    (tmp_path / "sources.list.d").mkdir()
    for name in ("sources.list", "sources.list.d/debian.sources", "sources.list.d/old.sources.disabled"):
        (tmp_path / name).write_text(name)
    assert sorted(read_sources(tmp_path)) == ["debian.sources", "sources.list"]
    assert read_sources(tmp_path, own=tmp_path / "sources.list") == {"sources.list": "sources.list"}
    with pytest.raises(UsageError, match=r"\.sources"):
        read_sources(tmp_path, own=tmp_path / "sources.txt")
    with pytest.raises(DataError, match="--sources FILE"):
        read_sources(tmp_path, own=tmp_path / "missing.list")
    with pytest.raises(DataError, match="no list of Debian sources"):
        read_sources(tmp_path / "nowhere")


def test_apt_keeps_to_its_folder_and_to_the_proxy() -> None:
    dump = 'APT "";\nAcquire::http::Proxy "http://proxy:3128";\nAPT::Update::Post-Invoke:: "rm x";\nDir "/";\n'
    text = apt_configuration(Path("/cache/apt"), "arm64", network_settings(dump))
    assert 'Acquire::http::Proxy "http://proxy:3128";' in text
    assert "Post-Invoke" not in text
    for line in ('Dir::State "/cache/apt/state";', 'Dir::State::status "/cache/apt/status";', 'Architecture "arm64";'):
        assert line in text


def test_a_folder_of_packages_gives_those_of_the_architecture(tmp_path: Path) -> None:
    source, into = tmp_path / "source", tmp_path / "into"
    source.mkdir()
    into.mkdir()
    with pytest.raises(FetchError, match=r"no \.deb file for arm64"):
        copy_debs(source, into, "arm64")
    for name in ("a_1_arm64.deb", "b_1_all.deb", "c_1_amd64.deb"):
        (source / name).write_bytes(b"")
    copy_debs(source, into, "arm64")
    assert sorted(path.name for path in into.iterdir()) == ["a_1_arm64.deb", "b_1_all.deb"]


# Wheels


@pytest.mark.parametrize("text", ["numpy==2.0", "ai-edge-litert", "ai-edge-litert==", "ai-edge-litert==2; rm", "==1"])
def test_a_foreign_interpreter_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--interpreter takes"):
        parse_pin(text)


@pytest.mark.parametrize("python_version", ["3.10", "3.11", "3.12", "3.13"])
def test_the_lock_gives_the_devices_wheels(python_version: str) -> None:
    lock = read_lock("ai-edge-litert", ROOT)
    ground = ground_requirements(lock, python_version)
    heads = [line for line in ground.splitlines() if not line.startswith(" ")]
    assert [line.split("==")[0] for line in heads] == ["numpy", "opencv-python-headless"]
    assert "--hash=sha256:" in ground
    assert ";" not in ground
    assert "colorama" not in locked(lock, python_version)


def test_a_locked_interpreter_has_hashes_and_another_none() -> None:
    lock = read_lock("ai-edge-litert", ROOT)
    version = locked(lock, "3.11")["ai-edge-litert"].split("==")[1].split()[0]
    pin = parse_pin(f"ai-edge-litert=={version}")
    assert "--hash=sha256:" in interpreter_requirements(pin, lock, "3.11")
    assert interpreter_requirements(parse_pin("ai-edge-litert==1.4.0"), lock, "3.11") == "ai-edge-litert==1.4.0\n"
    assert {f"manylinux_2_{n}_aarch64" for n in (17, 27, 28, 34)} <= set(pip_platform("3.11"))


def test_a_lock_that_is_none_is_refused() -> None:
    with pytest.raises(DataError, match="does not pin numpy"):
        ground_requirements("# nothing\n", "3.11")
    with pytest.raises(DataError, match="would not take"):
        locked("what is this?\n", "3.11")


# Other programs


def test_a_tools_complaint_is_one_line() -> None:
    assert last_complaint("W: old\nE: Unable to  fetch\nE: More\n") == "Unable to fetch."
    assert last_complaint("ERROR: first\nERROR: No matching distribution.\nhint\n") == "No matching distribution."
    assert last_complaint("Traceback\nImportError: x\n") == "ImportError: x."
    assert last_complaint(" \n") == "it gave no reason."


def test_a_tool_that_fails_or_is_missing_is_blamed() -> None:
    with pytest.raises(FetchError, match=r"could not try: no\. Go on\."):
        run_tool([sys.executable, "-c", "import sys; sys.exit('no')"], doing="try", advice="Go on.")
    with pytest.raises(MissingDependency, match=r"is not installed here\. Go on\."):
        run_tool(["no-such-program-here"], doing="try", advice="Go on.")
    assert run_tool([sys.executable, "-c", "print(1)"], doing="try", advice="") == "1\n"
