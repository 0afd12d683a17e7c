"""A threshold that was raised for the people of a gallery, kept sealed in it."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from edge_runtime.errors import GalleryError, UsageError

if TYPE_CHECKING:
    from edge_runtime.gallery.store import Gallery


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What ``siamlite calibrate`` found.

    Attributes:
        threshold: Lowest similarity that is accepted: the card's, or a higher one.
        target_fmr: The false match rate that was asked for.
        card_threshold: The card's threshold for it.
        people: How many people were compared.
        pairs: How many pairs of two people that is.
        false_matches: Pairs that are accepted at the threshold.
        fmr_upper: One-sided 95 % upper bound of the share of such pairs.
        samples: Templates of people who have several, each compared with the others of its person.
        false_non_matches: How many of them are rejected at the threshold.
        made_at: When, in seconds since 1970.
    """

    threshold: float
    target_fmr: float
    card_threshold: float
    people: int
    pairs: int
    false_matches: int
    fmr_upper: float
    samples: int
    false_non_matches: int
    made_at: float

    def __post_init__(self) -> None:
        """Refuse what no calibration gives."""
        numbers = asdict(self).values()
        if not all(type(value) in (int, float) and math.isfinite(value) for value in numbers):
            raise UsageError("a calibration consists of finite numbers.")
        if not -1 <= self.card_threshold <= self.threshold <= 1.01 or not 0 < self.target_fmr < 1:
            raise UsageError(
                f"a calibrated threshold is a similarity and at least the card's {self.card_threshold:g}, not "
                f"{self.threshold:g}."
            )

    def to_bytes(self) -> bytes:
        """As the bytes that are sealed."""
        return json.dumps({"calibration": asdict(self)}, sort_keys=True, allow_nan=False).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Calibration | None:
        """What :meth:`to_bytes` gave; None of anything else."""
        try:
            return cls(**json.loads(data)["calibration"])
        except (ValueError, TypeError, KeyError, RecursionError, UsageError):
            return None


def read_calibration(gallery: Gallery) -> Calibration | None:
    """The calibration of a gallery; None if there is none.

    Raises:
        GalleryError: The gallery is damaged, or the calibration is of another version of siamlite.
    """
    with gallery.file.reading() as seal:
        notes = seal.notes
    if not notes:
        return None
    found = Calibration.from_bytes(notes)
    if found is None:
        raise GalleryError(
            f"the calibration in {gallery.path} is of another version of siamlite. Make it anew: siamlite calibrate"
        )
    return found


def write_calibration(gallery: Gallery, calibration: Calibration | None) -> None:
    """Keep a calibration in a gallery, or take it away.

    Raises:
        GalleryError: It cannot be written; nothing was changed.
    """
    with gallery.file.writing() as change:
        change.notes = b"" if calibration is None else calibration.to_bytes()
