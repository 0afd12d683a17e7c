"""What samples must be before they are enrolled: alike, and of nobody who is there already; and how good they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import EnrolmentRefused
from edge_runtime.gallery.match import Enrolled, person_similarities
from edge_runtime.measures.proportions import predicted_share_below
from edge_runtime.measures.rates import match_rate_for
from edge_runtime.towers.card import Card

Rows = npt.NDArray[np.float32]
# Share of genuine pairs below the card's loosest threshold from which on it cannot tell an outlier.
_MAX_TURNED_AWAY = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentLimits:
    """From which similarity on what is thought of samples. None of a tower whose thresholds do not hold here.

    Attributes:
        same: Lowest similarity of a new sample to the person that it is added to.
        least: Lowest similarity of a sample to the others of its enrolment.
        duplicate: Similarity to another person from which on they are taken for the same.
        fnmr: Share of single pictures that fall below ``same``, as the card measured it on other people.
    """

    same: float | None = None
    least: float | None = None
    duplicate: float | None = None
    fnmr: float | None = None

    @classmethod
    def of(cls, card: Card, *, people: int, calibrated: bool, threshold: float | None = None) -> EnrolmentLimits:
        """The limits of a tower's card.

        A sample belongs to the others if it is more like them than one in ten strangers are (or what the card's loosest
        threshold says); a tower that would turn away more than a tenth of people's own pictures there says nothing of
        outliers. Somebody is a duplicate at the threshold that ``identify`` has for so many people, or the
        card's strictest.

        Args:
            card: The card.
            people: How many other people are enrolled.
            calibrated: Whether its thresholds hold for the interpreter that runs here.
            threshold: A similarity of the user's own for all of it.
        """
        if threshold is not None:
            return cls(same=threshold, least=threshold, duplicate=threshold)
        if not calibrated or card.default_fmr is None:
            return cls()
        usual = card.operating_point()
        loosest = min(card.thresholds, key=lambda point: point.threshold)
        wanted = match_rate_for(card.default_fmr, max(1, people)) * (1 + 1e-6)
        kept = [point.threshold for point in card.thresholds if point.target_fmr <= wanted]
        duplicate = min(kept) if kept else max(point.threshold for point in card.thresholds)
        least = loosest.threshold if loosest.fnmr <= _MAX_TURNED_AWAY else None
        return cls(same=usual.threshold, least=least, duplicate=duplicate, fnmr=usual.fnmr)


@dataclass(frozen=True, slots=True, kw_only=True)
class Goodness:
    """How good the samples of a person are.

    Attributes:
        self_similarity: Mean cosine of all pairs of samples; None of a single one.
        nearest: The most similar other person; None if there is nobody else.
        nearest_similarity: How similar: the mean over the samples.
        margin: By how much the samples are more like each other than like that person.
        expected_fnmr: Share of the person's own pictures that verification is expected to reject; None if unknown.
        fnmr_card: What the card measured on other people.
        fnmr_samples: What the scatter of the samples predicts; None of fewer than three.
    """

    self_similarity: float | None
    nearest: str | None = None
    nearest_similarity: float | None = None
    margin: float | None = None
    expected_fnmr: float | None = None
    fnmr_card: float | None = None
    fnmr_samples: float | None = None


def to_the_others(rows: Rows) -> npt.NDArray[np.float64]:
    """Mean cosine of each sample to the others; float64 of shape (n,), n at least 2."""
    cosines = (rows @ rows.T).astype(np.float64)
    return (cosines.sum(axis=1) - cosines.diagonal()) / (len(rows) - 1)


def outliers(rows: Rows, least: float | None) -> list[int]:
    """Which samples are unlike the others: the worst one at a time, until all that are left are alike.

    Args:
        rows: float32 of shape (n, d), rows of length 1.
        least: Lowest mean similarity to the others; nothing is one without it.

    Raises:
        EnrolmentRefused: Only two are left and they are unlike each other, or half of the samples would go: nobody can
            say which of them are the person.
    """
    left, gone = list(range(len(rows))), list[int]()
    while least is not None and len(left) >= 2:
        means = to_the_others(rows[left])
        worst = int(np.argmin(means))
        if means[worst] >= least:
            break
        gone.append(left.pop(worst))
        if len(left) == 1 or 2 * len(gone) >= len(rows):
            raise EnrolmentRefused(
                f"the samples do not resemble each other: {len(gone)} or more of {len(rows)} are alike by less than "
                f"{least:.2f}. Are they all of one person, in good light? Nobody was enrolled.",
                reason="unlike-each-other",
            )
    return sorted(gone)


def nearest_person(rows: Rows, enrolled: Enrolled) -> tuple[str, float]:
    """The person that samples resemble most, and how much: the mean over the samples.

    Args:
        rows: float32 of shape (n, d), rows of length 1, in the space of the people's templates.
        enrolled: The people.
    """
    similarities = np.mean([person_similarities(row, enrolled) for row in rows], axis=0)
    best = int(np.argmax(similarities))
    return enrolled.names[best], float(similarities[best])


def refuse_duplicate(nearest: str, similarity: float, limits: EnrolmentLimits) -> None:
    """Refuse samples of somebody who is enrolled under another name.

    Raises:
        EnrolmentRefused: They are as similar as one person's.
    """
    if limits.duplicate is not None and similarity >= limits.duplicate:
        raise EnrolmentRefused(
            f"this face matches {nearest!r}, who is enrolled already: similarity {similarity:.3f}, one person from "
            f"{limits.duplicate:.3f} on. Add samples to them with --update, or, if they are two people, such as twins, "
            "enrol with --allow-duplicate. Nobody was enrolled.",
            reason="duplicate",
        )


def refuse_others(rows: Rows, own: Enrolled, limits: EnrolmentLimits) -> None:
    """Refuse samples that are not of the person that they are to be added to.

    Args:
        rows: float32 of shape (n, d), rows of length 1, in the space of the person's templates.
        own: The person alone.
        limits: From which similarity on they are.

    Raises:
        EnrolmentRefused: One of them is not, or it is not known from which similarity on they are.
    """
    name = own.names[0]
    if limits.same is None:
        raise EnrolmentRefused(
            f"whether these samples are of {name!r} cannot be said: this tower has no thresholds for this interpreter. "
            "Give a --threshold that you measured yourself. Nothing was added.",
            reason="no-threshold",
        )
    similarities = [float(person_similarities(row, own)[0]) for row in rows]
    bad = [value for value in similarities if value < limits.same]
    if bad:
        raise EnrolmentRefused(
            f"{len(bad)} of {len(rows)} samples do not match {name!r}: similarity {min(bad):.3f}, {limits.same:.3f} is "
            "needed. Nothing was added.",
            reason="not-the-same-person",
        )


def goodness(rows: Rows, nearest: tuple[str, float] | None, limits: EnrolmentLimits) -> Goodness:
    """How good samples are.

    The expected FNMR is the larger of two: what the card measured on other people, and what the scatter of these
    samples predicts. The latter alone would promise too much: samples of one sitting are more alike than those of two
    days.

    Args:
        rows: float32 of shape (n, d), rows of length 1.
        nearest: The most similar other person, and how similar.
        limits: The threshold of verification, and the card's FNMR at it.
    """
    alike = float(to_the_others(rows).mean()) if len(rows) > 1 else None
    scatter = None
    if limits.same is not None and len(rows) >= 3:
        scatter = predicted_share_below(to_the_others(rows).tolist(), limits.same)
    known = [value for value in (limits.fnmr, scatter) if value is not None]
    return Goodness(
        self_similarity=alike,
        nearest=None if nearest is None else nearest[0],
        nearest_similarity=None if nearest is None else nearest[1],
        margin=None if nearest is None or alike is None else alike - nearest[1],
        expected_fnmr=max(known) if known else None,
        fnmr_card=limits.fnmr,
        fnmr_samples=scatter,
    )
