"""Is everything there that verification needs? Each finding says what to do about it."""

from __future__ import annotations

import importlib.metadata
import platform
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

import edge_runtime
from edge_runtime.commands.printable import printable
from edge_runtime.errors import SiamliteError, SpaceMismatch
from edge_runtime.fetch import missing_detectors
from edge_runtime.gallery.store import Access, Gallery
from edge_runtime.home import models_folder
from edge_runtime.machine.finding import Finding
from edge_runtime.machine.surroundings import look_around
from edge_runtime.towers.card import Card
from edge_runtime.towers.interpreter import installed_backends
from edge_runtime.towers.signature import short_fingerprint
from edge_runtime.towers.tower import Tower
from edge_runtime.towers.trust import Trust


def examine(
    *,
    tower_path: Path,
    gallery_path: Path,
    access: Access | None = None,
    trusted_keys: Sequence[Path] = (),
    require_signed: bool = False,
) -> list[Finding]:
    """Look at this machine, from the ground up. Nothing is changed, nothing raises.

    Args:
        tower_path: The tower.
        gallery_path: The gallery.
        access: Where its key is.
        trusted_keys: See :meth:`~edge_runtime.towers.trust.Trust.configured`.
        require_signed: See there.
    """
    findings = [
        Finding(
            name="siamlite", status="ok", detail=f"{edge_runtime.__version__} in {Path(edge_runtime.__file__).parent}"
        ),
        Finding(name="python", status="ok", detail=f"{platform.python_version()} on {platform.machine()}"),
        Finding(name="numpy", status="ok", detail=np.__version__),
        _opencv(),
        _interpreter(),
        _attempt("detectors", _detectors, "siamlite setup"),
    ]
    trusted: list[Trust] = []

    def look() -> Finding:
        trusted.append(Trust.configured(trusted_keys, require=require_signed))
        return _trust(trusted[0])

    findings.append(_attempt("trust", look, "siamlite trust list, or leave out --trusted-key and --require-signed"))
    # Whose trust cannot be read trusts nobody: the tower is not loaded.
    tower, finding = _tower(tower_path, trusted[0]) if trusted else (None, _untold(tower_path))
    findings += [finding, _gallery(gallery_path, tower, access), *look_around()]
    if "tensorflow" in sys.modules:
        findings.append(Finding(name="tensorflow", status="broken", detail="loaded into the edge runtime"))
    return findings


def healthy(findings: list[Finding]) -> bool:
    """Whether nothing is broken and everything that every command needs is there."""
    needed = {"opencv", "interpreter", "detectors"}
    return all(f.status != "broken" and (f.status != "missing" or f.name not in needed) for f in findings)


def to_dicts(findings: list[Finding]) -> list[dict[str, Any]]:
    """The findings as plain values for JSON."""
    return [asdict(finding) for finding in findings]


def _opencv() -> Finding:
    import cv2

    names = ("opencv-python-headless", "opencv-python", "opencv-contrib-python", "opencv-contrib-python-headless")
    installed = []
    for name in names:
        try:
            importlib.metadata.version(name)
            installed.append(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    if len(installed) > 1:
        remedy = f"keep one: pip uninstall {' '.join(installed[1:])}"
        return Finding(name="opencv", status="broken", detail=f"several: {', '.join(installed)}", remedy=remedy)
    build = cv2.getBuildInformation()
    if not re.search(r"FFMPEG:\s+YES", build):
        detail = f"{cv2.__version__} without FFmpeg: no videos and no URLs"
        return Finding(name="opencv", status="warning", detail=detail, remedy="pip install 'siamlite[edge]'")
    windows = "no windows" if re.search(r"GUI:\s+NONE", build) else "with windows"
    detail = f"{cv2.__version__} ({', '.join(installed) or 'system'}, {windows})"
    return Finding(name="opencv", status="ok", detail=detail)


def _interpreter() -> Finding:
    found = installed_backends()
    if not found:
        return Finding(name="interpreter", status="missing", detail="none", remedy="pip install 'siamlite[edge]'")
    words = ", ".join(
        f"{backend.distribution} {backend.version}{' with CompiledModel' if backend.compiles else ''}"
        for backend in found
    )
    if found[0].family == "tflite-runtime" and int(np.__version__.split(".")[0]) >= 2:
        return Finding(name="interpreter", status="broken", detail=words, remedy="pip install 'numpy<2'")
    return Finding(name="interpreter", status="ok", detail=words)


def _detectors() -> Finding:
    missing = missing_detectors()
    if missing:
        detail = f"not in {models_folder()}: {', '.join(missing)}"
        return Finding(name="detectors", status="missing", detail=detail, remedy="siamlite setup")
    return Finding(name="detectors", status="ok", detail=f"in {models_folder()}")


def _attempt(name: str, look: Callable[[], Finding], remedy: str = "") -> Finding:
    try:
        return look()
    except SpaceMismatch as error:
        # What to do is in the message itself, and is not what helps a damaged file.
        return Finding(name=name, status="broken", detail=str(error), remedy="use the tower that belongs to it")
    except SiamliteError as error:
        return Finding(name=name, status="broken", detail=str(error), remedy=remedy)


def _trust(trust: Trust) -> Finding:
    if not trust.keys:
        return Finding(name="trust", status="ok", detail="no trusted keys: towers of any maker are accepted")
    words = ", ".join(f"{key.name} ({short_fingerprint(key.fingerprint)})" for key in trust.keys)
    return Finding(name="trust", status="ok", detail=f"only towers signed by {words}")


def _untold(path: Path) -> Finding:
    detail = f"{path} was not loaded: it is unknown whom to trust"
    return Finding(name="tower", status="broken", detail=detail, remedy="see trust")


def _tower(path: Path, trust: Trust) -> tuple[Tower | None, Finding]:
    if not path.exists():
        remedy = (
            "give one with --tower, or make one: python -m export convert RUN --representative FACES --out tower.tflite"
        )
        return None, Finding(name="tower", status="missing", detail=f"none at {path}", remedy=remedy)
    loaded: list[Tower] = []

    def look() -> Finding:
        tower = Tower.load(path, trust=trust)
        loaded.append(tower)
        name = printable(f"{tower.card.name}, {tower.card.recipe}")
        words = f"{name}, self-test cosine {tower.self_test_cosine:.4f}, {tower.provenance}, {_judging(tower.card)}"
        if not tower.calibrated:
            remedy = f"use {printable(tower.card.runtime)}, or give --threshold"
            return Finding(name="tower", status="broken", detail=f"{words}; not calibrated here", remedy=remedy)
        return Finding(name="tower", status="ok", detail=words)

    finding = _attempt("tower", look, "get the tower again from its maker, or give another one with --tower")
    return (loaded[0] if loaded else None), finding


def _judging(card: Card) -> str:
    """How a tower wants people judged: which similarity counts, and the limits of quality that are its own."""
    own = ", ".join(f"{name} {value:g}" for name, value in sorted(card.quality_limits.items()))
    return f"a person’s {card.person_score} similarity counts, {own or 'the usual'} limits of quality"


def _gallery(path: Path, tower: Tower | None, access: Access | None) -> Finding:
    if not path.exists():
        remedy = "siamlite enroll NAME --source …"
        return Finding(name="gallery", status="missing", detail=f"none at {path}", remedy=remedy)

    def look() -> Finding:
        with Gallery.open(path, tower, access=access) as gallery:
            words = f"{len(gallery.matrix().names)} people in {path}"
            if gallery.protection == "none":
                return Finding(
                    name="gallery",
                    status="ok",
                    detail=f"{words}, NOT ENCRYPTED: whoever reads the file holds their biometric data",
                    remedy="siamlite gallery rekey --protection key",
                )
            return Finding(name="gallery", status="ok", detail=f"{words}, encrypted ({gallery.protection})")

    return _attempt("gallery", look, "take a copy that works, or move it away and enrol everybody again")
