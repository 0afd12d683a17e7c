"""Error rates of the float and of the converted tower, with their bounds, as tables."""

from __future__ import annotations

from typing import Any

from edge_runtime.measures.metrics import OperatingPoint, proportion_upper_bound
from edge_runtime.towers.card import Card
from export.card.table import Row, Table
from export.card.text import NONE, count, fixed, inner, number, percent, points, share, whole, words

_FARS = ("0.1", "0.01", "0.001", "0.0001")
# The bound of more pairs than this takes seconds, and says nothing that the share does not say.
_MAX_PAIRS = 10**7
_MAX_THRESHOLDS = 12


def default_point(card: Card) -> OperatingPoint | None:
    """The operating point that is used unless another is asked for."""
    return next((point for point in card.thresholds if point.target_fmr == card.default_fmr), None)


def headline_rates(card: Card) -> tuple[str, str] | None:
    """The EER, and what stands behind it; None if the card has none."""
    eer = inner(card.evaluation, "converted", "eer")
    if number(eer) is None:
        return None
    before, people = inner(card.evaluation, "float", "eer"), inner(card.evaluation, "people")
    behind = [f"float {percent(before)}"] if number(before) is not None else []
    behind += [f"{count(people)} people"] if whole(people) is not None else []
    return percent(eer), ", ".join(behind)


def quality_tables(card: Card) -> tuple[tuple[Table, ...], tuple[str, ...]]:
    """The tables of error rates and similarities to the float tower, and what is said before them."""
    held = card.evaluation
    if not isinstance(inner(held, "converted"), dict):
        return (), ()
    adopted = not isinstance(inner(held, "float"), dict)
    said = (
        f"Measured on {count(inner(held, 'pictures'))} pictures of {count(inner(held, 'people'))} people "
        f"({words(inner(held, 'on'), limit=100)}), with {words(card.runtime, limit=80)}: all "
        f"{count(inner(held, 'genuine_pairs'))} pairs of one person (genuine) and "
        f"{count(inner(held, 'impostor_pairs'))} pairs of two people (impostor)."
    )
    tables: tuple[Table, ...] = (_alone(held),) if adopted else (_rates(held, card), *_cosines(held))
    if sha := inner(held, "sha256"):
        tables = (*tables, Table(rows=(("evaluation set, SHA-256", words(sha, limit=80)),)))
    return tables, (said,)


def _alone(held: dict[str, Any]) -> Table:
    after = inner(held, "converted")
    rows: list[Row] = [("EER", percent(inner(after, "eer"))), ("ROC AUC", fixed(inner(after, "auc"), 5))]
    rows += [(_tar(far), _share(inner(after, "tar_at_far", far))) for far in _fars(held)]
    return Table(heading=("", "this file"), rows=tuple(rows), text_columns=1)


def _rates(held: dict[str, Any], card: Card) -> Table:
    before, after = inner(held, "float"), inner(held, "converted")
    bounds, limits = inner(held, "bounds"), inner(held, "limits")
    rows: list[Row] = [
        (
            "EER",
            percent(inner(before, "eer")),
            percent(inner(after, "eer")),
            points(inner(held, "eer_rise"), inner(bounds, "eer_rise")),
            _limit("rise of at most", inner(limits, "max_eer_rise")),
        ),
        ("ROC AUC", fixed(inner(before, "auc"), 5), fixed(inner(after, "auc"), 5), NONE, NONE),
    ]
    for far in _fars(held):
        first, second = inner(before, "tar_at_far", far), inner(after, "tar_at_far", far)
        change = points(_difference(first, second), inner(bounds, "tar_change", far))
        limit = _limit("fall of at most", inner(limits, "max_tar_drop")) if far == "0.01" else NONE
        rows.append((_tar(far), _share(first), _share(second), change, limit))
    shift = number(inner(held, "threshold_shift"))
    moved = NONE if shift is None else f"{shift + 0.0:+.4f}".replace("-", "−")
    name = f"threshold at FMR {share(inner(held, 'target_fmr'))} (similarity)"
    rows.append((name, fixed(inner(before, "threshold")), fixed(inner(after, "threshold")), moved, NONE))
    resamples = whole(inner(bounds, "resamples"))
    moving = "change in points (95 % interval)" if resamples else "change in points"
    head = ("", "float", words(card.recipe, limit=40), moving, "limit of the gate")
    note = (
        f"Intervals by resampling people, {resamples:,} draws; TAR = 1 − FNMR."
        if resamples
        else "The card has no intervals of the changes: fewer than 8 people are too few for them. TAR = 1 − FNMR."
    )
    return Table(heading=head, rows=tuple(rows), text_columns=1, note=note)


def _cosines(held: dict[str, Any]) -> tuple[Table, ...]:
    values, limits = inner(held, "cosine_to_float"), inner(held, "limits")
    if not isinstance(values, dict):
        return ()
    rows: list[Row] = [
        ("mean", fixed(values.get("mean"), 5), _least(inner(limits, "min_mean_cosine"))),
        ("5th percentile", fixed(values.get("p5"), 5), _least(inner(limits, "min_p5_cosine"))),
        ("lowest", fixed(values.get("min"), 5), NONE),
    ]
    head = ("cosine to the float embedding", "measured", "limit of the gate")
    return (Table(heading=head, rows=tuple(rows), text_columns=1),)


def threshold_table(card: Card) -> Table:
    """The thresholds by target FMR, with pair counts and upper bounds."""
    rows: list[Row] = []
    for point in card.thresholds[:_MAX_THRESHOLDS]:
        default = " (default)" if point.target_fmr == card.default_fmr else ""
        rows.append(
            (
                f"{share(point.target_fmr)}{default}",
                fixed(point.threshold),
                percent(point.fmr),
                f"{count(point.false_matches)} of {count(point.impostor_pairs)}",
                percent(point.fmr_upper),
                percent(point.fnmr),
                count(point.genuine_pairs),
                _upper(point.fnmr, point.genuine_pairs),
            )
        )
    first = ("target FMR", "threshold", "FMR", "impostor pairs accepted", "95 % bound")
    head: Row = (*first, "FNMR", "genuine pairs", "95 % bound")
    note = "Bounds: one-sided upper limits after Clopper and Pearson, as if pairs were independent of each other."
    return Table(heading=head, rows=tuple(rows), text_columns=1, note=note)


def _upper(rate: Any, trials: Any) -> str:
    """The upper bound of a share of so many trials."""
    part, pairs = number(rate), whole(trials)
    if part is None or not 0 <= part <= 1 or not pairs or pairs > _MAX_PAIRS:
        return NONE
    return percent(proportion_upper_bound(round(part * pairs), pairs))


def _fars(held: dict[str, Any]) -> list[str]:
    known = inner(held, "converted", "tar_at_far")
    return [far for far in _FARS if isinstance(known, dict) and far in known]


def _tar(far: str) -> str:
    return f"TAR at FAR {share(float(far))}"


def _share(value: Any) -> str:
    return "too few pairs" if value is None else percent(value)


def _difference(first: Any, second: Any) -> float | None:
    before, after = number(first), number(second)
    return None if before is None or after is None else after - before


def _limit(what: str, value: Any) -> str:
    found = number(value)
    return NONE if found is None else f"{what} {100 * found:g}"


def _least(value: Any) -> str:
    return NONE if number(value) is None else f"≥ {number(value):g}"
