"""The threshold for a target FMR from the card and a gallery's own people: never below the card's."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import GalleryError, UsageError
from edge_runtime.gallery.calibration import Calibration
from edge_runtime.gallery.match import Enrolled
from edge_runtime.measures.metrics import OperatingPoint, PairScores, proportion_upper_bound, threshold_for

# A gallery of more is sampled: the pairs of these alone are two million.
MAX_PEOPLE = 2000
# No two pictures of a person are more alike; a threshold above it would accept nobody.
_HIGHEST = 0.999


@dataclass(frozen=True, slots=True, kw_only=True)
class AtHome:
    """What a gallery says of a threshold.

    Attributes:
        calibration: What is kept of it.
        nearest: The two people who are most alike, and how much.
        point: The card's operating point.
    """

    calibration: Calibration
    nearest: tuple[str, str, float] = field(repr=False)
    point: OperatingPoint


def pair_similarities(enrolled: Enrolled) -> npt.NDArray[np.float64]:
    """How alike each two people are: the highest similarity of any template of one to the other as a person.

    That is what a verification would give if one of them were accepted as the other by any of their templates: more
    than the templates' usual one, so that an FMR of such pairs is rather too high than too low.

    Args:
        enrolled: At least two people.

    Returns:
        float64 of shape (people, people), symmetric; the diagonal means nothing.
    """
    whole = np.empty((len(enrolled.names),) * 2)
    ends = np.append(enrolled.starts[1:], len(enrolled.matrix))
    for at, (start, end) in enumerate(zip(enrolled.starts, ends, strict=True)):
        cosines = enrolled.matrix @ enrolled.matrix[start:end].T
        if enrolled.score == "best":
            people = np.maximum.reduceat(cosines, enrolled.starts, axis=0)
        else:
            people = np.add.reduceat(cosines, enrolled.starts, axis=0) / enrolled.counts[:, None]
        whole[at] = people.max(axis=1)
    return np.maximum(whole, whole.T)


def own_similarities(enrolled: Enrolled) -> npt.NDArray[np.float64]:
    """Similarity of each template to the others of its person, of people who have several; float64 of shape (n,)."""
    found = []
    ends = np.append(enrolled.starts[1:], len(enrolled.matrix))
    for start, end in zip(enrolled.starts, ends, strict=True):
        if end - start > 1:
            cosines = (enrolled.matrix[start:end] @ enrolled.matrix[start:end].T).astype(np.float64)
            np.fill_diagonal(cosines, -np.inf if enrolled.score == "best" else 0.0)
            found.append(cosines.max(axis=1) if enrolled.score == "best" else cosines.sum(axis=1) / (end - start - 1))
    return np.concatenate(found) if found else np.empty(0)


def calibrate_at_home(enrolled: Enrolled, point: OperatingPoint, target_fmr: float) -> AtHome:
    """Raise the card's threshold to what the gallery's own people need.

    At the threshold at most the target's share of the pairs of people is accepted; of few people that is none at all.

    Args:
        enrolled: The people.
        point: The card's operating point for the target, or for a stricter one.
        target_fmr: The false match rate that is asked for.

    Raises:
        GalleryError: There are fewer than two people, or two of them are as good as one.
        UsageError: The target is none.
    """
    if not 0 < target_fmr < 1:
        raise UsageError(f"a target FMR lies between 0 and 1, not {target_fmr}.")
    if len(enrolled.names) < 2:
        raise GalleryError("to calibrate, at least two people must be enrolled: it compares them with each other.")
    chosen = _sampled(enrolled)
    similarities = pair_similarities(chosen)
    first, second = np.triu_indices(len(chosen.names), k=1)
    impostor = similarities[first, second]
    best = int(np.argmax(impostor))
    nearest = chosen.names[first[best]], chosen.names[second[best]], float(impostor[best])
    needed = threshold_for(PairScores(genuine=np.empty(0), impostor=impostor), target_fmr)
    threshold = max(point.threshold, needed)
    accepted, own = int(np.count_nonzero(impostor >= threshold)), own_similarities(chosen)
    misses = int(np.count_nonzero(own < threshold))
    if threshold > _HIGHEST or (threshold > point.threshold and 2 * misses > own.size):
        raise GalleryError(
            f"{nearest[0]!r} and {nearest[1]!r} are alike by {nearest[2]:.3f}: a threshold that tells them apart would "
            f"reject {misses} of {own.size} samples of the people themselves. Are they one person under two names? "
            "Remove one of them (siamlite gallery remove NAME), or ask for a higher --fmr. Nothing was changed."
        )
    calibration = Calibration(
        threshold=threshold,
        target_fmr=target_fmr,
        card_threshold=point.threshold,
        people=len(chosen.names),
        pairs=impostor.size,
        false_matches=accepted,
        fmr_upper=proportion_upper_bound(accepted, impostor.size),
        samples=own.size,
        false_non_matches=misses,
        made_at=time.time(),
    )
    return AtHome(calibration=calibration, nearest=nearest, point=point)


def pairs_needed(target_fmr: float) -> int:
    """How many independent pairs without one match show with 95 % confidence that an FMR is at most the target."""
    return math.ceil(math.log(0.05) / math.log1p(-target_fmr))


def people_needed(target_fmr: float) -> int:
    """How many people have so many pairs."""
    return math.ceil((1 + math.sqrt(1 + 8 * pairs_needed(target_fmr))) / 2)


def in_words(found: AtHome) -> list[str]:
    """What a calibration says, and what it does not, a line each."""
    made, point = found.calibration, found.point
    raised = made.threshold > made.card_threshold
    how = (
        f"raised from the card's {made.card_threshold:.3f}" if raised else "the card's: nobody here needs a higher one"
    )
    shown = made.fmr_upper <= made.target_fmr
    lines = [
        f"threshold {made.threshold:.3f} for FMR {made.target_fmr:g}, {how}",
        f"the card: FMR {point.fmr:.2g}, at most {point.fmr_upper:.2g} (95 %), of {point.impostor_pairs} pairs of "
        "other people",
        f"here: {made.false_matches} of {made.pairs} pairs of {made.people} people are accepted: FMR at most "
        f"{made.fmr_upper:.2g} (95 %, as if pairs that share a person were independent)",
    ]
    if shown:
        lines.append(f"so these people themselves show that they keep to {made.target_fmr:g}, among each other")
    else:
        needed = f"{pairs_needed(made.target_fmr)} pairs without a match, {people_needed(made.target_fmr)} people"
        lines.append(
            f"so {made.people} people cannot show an FMR of {made.target_fmr:g}: that needs {needed}. It rests on the "
            "card alone; what they can show is who is too alike"
        )
    if made.samples:
        share = proportion_upper_bound(made.false_non_matches, made.samples)
        lines.append(
            f"of their own samples {made.false_non_matches} of {made.samples} would be rejected (at most {share:.2g}); "
            "samples of one sitting are more alike than those of two days"
        )
    lines.append("it says nothing of strangers who are like somebody here, nor of people who are enrolled later")
    return lines


def _sampled(enrolled: Enrolled) -> Enrolled:
    """All people, or so many of them, always the same, that their pairs can be compared at once."""
    if len(enrolled.names) <= MAX_PEOPLE:
        return enrolled
    chosen = np.sort(np.random.default_rng(0).choice(len(enrolled.names), MAX_PEOPLE, replace=False))
    ends = np.append(enrolled.starts[1:], len(enrolled.matrix))
    rows = {enrolled.names[at]: enrolled.matrix[enrolled.starts[at] : ends[at]] for at in chosen}
    return Enrolled.of(rows, score=enrolled.score)
