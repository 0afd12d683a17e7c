"""Where siamlite keeps its files on a machine."""

from __future__ import annotations

import os
from pathlib import Path

from edge_runtime.errors import UsageError


def expanded(text: str | Path) -> Path:
    """A path in which ``~`` and ``~user`` stand for home folders.

    Raises:
        UsageError: There is no such user.
    """
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise UsageError(f"{str(text)!r:.80} begins with the home folder of a user that there is not.") from error


def home_folder() -> Path:
    """``$SIAMLITE_HOME``, or ``siamlite`` in the user's data folder (XDG Base Directory Specification)."""
    chosen = os.environ.get("SIAMLITE_HOME")
    if chosen:
        return expanded(chosen)
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local" / "share") / "siamlite"


def models_folder() -> Path:
    """Where ``siamlite setup`` puts the face detectors."""
    return home_folder() / "models"


def trusted_keys_folder() -> Path:
    """Where ``siamlite trust add`` puts the public keys of those whose towers are accepted."""
    return home_folder() / "trusted-keys"


def audit_folder() -> Path:
    """Where the audit log and the state of the lockout are kept."""
    return home_folder() / "audit"


def default_gallery() -> Path:
    """The gallery that commands use unless they are told another."""
    return home_folder() / "gallery.db"


def cache_folder() -> Path:
    """Where downloaded wheels are kept: ``$SIAMLITE_CACHE``, or ``siamlite`` in the user's cache folder."""
    chosen = os.environ.get("SIAMLITE_CACHE")
    if chosen:
        return expanded(chosen)
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "siamlite"
