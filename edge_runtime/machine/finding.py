"""One thing that the doctor looked at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: What.
        status: ``"ok"``, ``"missing"`` (not needed for everything), ``"warning"`` (it works, but not well) or
            ``"broken"``.
        detail: What was found.
        remedy: What to do; empty if nothing.
    """

    name: str
    status: str
    detail: str
    remedy: str = ""
