"""The results of an evaluation in words: rows of tables for the terminal and for the report."""

from __future__ import annotations

import math

from edge_runtime.commands.console import table
from edge_runtime.measures.bootstrap import Interval
from train.measure.cohorts import Cohorts
from train.measure.evaluate import Evaluation

# What, the value, its interval, and what it means.
Row = tuple[str, str, str, str]


def percent(share: float) -> str:
    """A share as per cent, with two digits after the point and more for small ones."""
    digits = 2 if share == 0 or share >= 1e-3 else 1 - math.floor(math.log10(share * 100))
    return f"{share * 100:.{min(digits, 8)}f} %"


def span(interval: Interval | None, *, plain: bool = False) -> str:
    """An interval; a dash where there is none."""
    if interval is None:
        return "–"
    low, high = interval
    return f"{low:.4f} to {high:.4f}" if plain else f"{percent(low)} to {percent(high)}"


def verification_rows(evaluation: Evaluation) -> list[Row]:
    """AUC, EER and TAR at each FAR."""
    result, held = evaluation.result, evaluation.intervals
    rows = [
        (
            "ROC AUC",
            f"{result.auc:.4f}",
            span(held.auc if held else None, plain=True),
            "chance that a genuine pair is more similar than an impostor pair",
        ),
        (
            "EER",
            percent(result.eer),
            span(held.eer if held else None),
            f"both error rates at similarity {result.eer_threshold:.4f}",
        ),
    ]
    tars = dict(held.tar_at_far) if held else {}
    for far, tar in result.tar_at_far:
        name = f"TAR @ FAR {far:g}"
        if tar is None:
            rows.append((name, "not resolvable", "–", f"{round(1 / far)} impostor pairs are needed"))
        else:
            meaning = f"genuine pairs accepted where 1 of {round(1 / far)} impostor pairs is"
            rows.append((name, percent(tar), span(tars.get(far)), meaning))
    return rows


def other_rows(evaluation: Evaluation) -> list[Row]:
    """One-shot accuracy, retrieval, and a list of pairs."""
    rows: list[Row] = []
    if shots := evaluation.shots:
        name = f"{shots.ways}-way {shots.shots}-shot accuracy"
        meaning = f"{shots.correct} of {shots.trials} trials right; chance is {percent(1 / shots.ways)}"
        rows.append((name, percent(shots.accuracy), span(shots.interval), meaning))
    if found := evaluation.retrieval:
        for depth, share in found.recall_at:
            where = "as the most similar" if depth == 1 else f"among the {depth} most similar"
            meaning = f"queries with their own person {where} of {found.gallery} pictures"
            rows.append((f"recall@{depth}", percent(share), "–", meaning))
        meaning = f"over {found.queries} queries, each against all other pictures"
        rows.append(("mean average precision", f"{found.mean_average_precision:.4f}", "–", meaning))
    if listed := evaluation.pairs:
        missing = f"; {listed.missing} pictures of the list are missing" if listed.missing else ""
        pairs = f"{listed.pairs} listed pairs{missing}"
        if listed.accuracy is not None and listed.standard_error is not None:
            value = f"{percent(listed.accuracy)} ± {percent(listed.standard_error)}"
            folds = len(listed.fold_accuracies)
            rows.append(("accuracy over folds", value, "–", f"mean ± standard error of {folds} folds, {pairs}"))
        if listed.accuracy_at_threshold is not None:
            meaning = f"{pairs}, judged at {listed.threshold:.4f}"
            rows.append(
                (
                    "accuracy of listed pairs",
                    percent(listed.accuracy_at_threshold),
                    span(listed.interval_at_threshold),
                    meaning,
                )
            )
        rows.append(("EER of listed pairs", percent(listed.eer), "–", f"AUC {listed.auc:.4f}; {pairs}"))
    return rows


def decision_rows(evaluation: Evaluation) -> list[tuple[str, str, str]]:
    """Accuracy, precision, recall and F1 on balanced and on all pairs."""
    held = evaluation.decisions
    if held is None:
        return []
    balanced, whole = held.quality(balanced=True), held.quality(balanced=False)
    return [(name, percent(balanced[name]), percent(whole[name])) for name in ("accuracy", "precision", "recall", "f1")]


def cohort_rows(cohorts: Cohorts) -> list[tuple[str, ...]]:
    """Each group: tag, value, people, pairs, FMR and FNMR with intervals."""
    rows: list[tuple[str, ...]] = []
    for row in cohorts.rows:
        fmr = f"too few: under {cohorts.min_impostor}" if row.fmr is None else percent(row.fmr)
        fnmr = f"too few: under {cohorts.min_genuine}" if row.fnmr is None else percent(row.fnmr)
        numbers = (f"{row.people}", f"{row.impostor_pairs}", f"{row.genuine_pairs}")
        rows.append((row.tag, row.value, *numbers, fmr, span(row.fmr_interval), fnmr, span(row.fnmr_interval)))
    return rows


def ratio_lines(cohorts: Cohorts) -> list[str]:
    """The ratio of the worst group to the best, of each tag, in sentences."""
    lines = []
    for tag, ratios in cohorts.ratios().items():
        for kind, ratio in ratios.items():
            words = "no ratio: fewer than two groups can be given, or the best has no error"
            lines.append(
                f"{tag}, {kind.upper()}: {words if ratio is None else f'worst is {ratio:.2f} times the best'}."
            )
    return lines


def as_text(evaluation: Evaluation) -> str:
    """The whole result for a terminal."""
    result = evaluation.result
    lines = [
        f"people           {result.people}",
        f"pictures         {result.pictures}",
        f"genuine pairs    {result.genuine_pairs}",
        f"impostor pairs   {result.impostor_pairs}",
        "",
        f"{'':<26}{'value':>16}  95 % interval",
    ]
    for name, value, interval, meaning in (*verification_rows(evaluation), *other_rows(evaluation)):
        tail = meaning if value == "not resolvable" else interval if interval != "–" else ""
        lines.append(f"{name:<26}{value:>16}  {tail}".rstrip())
    if evaluation.decisions is not None:
        held = evaluation.decisions
        at = "judged: " if held.threshold is None else f"judged at similarity {held.threshold:.4f}: "
        lines += ["", f"{at}{held.origin}", f"{'':<26}{'balanced pairs':>16}{'all pairs':>16}"]
        lines += [f"{name:<26}{balanced:>16}{whole:>16}" for name, balanced, whole in decision_rows(evaluation)]
    if evaluation.cohorts is not None:
        lines += ["", f"groups, at similarity {evaluation.cohorts.threshold:.4f}"]
        heading = ["tag", "group", "people", "impostor", "genuine", "FMR", "95 %", "FNMR", "95 %"]
        lines.append(table([heading, *(list(row) for row in cohort_rows(evaluation.cohorts))]))
        lines += ratio_lines(evaluation.cohorts)
    return "\n".join(lines)


def limits(evaluation: Evaluation) -> list[str]:
    """What the data can and cannot resolve, in sentences."""
    result, held = evaluation.result, evaluation.intervals
    lowest = 1 / result.impostor_pairs
    lines = [
        f"{result.impostor_pairs} impostor pairs: an FMR below {lowest:.2g} cannot be seen at all, and below "
        f"{30 * lowest:.2g} fewer than 30 false matches stand behind it (the rule of 30, Doddington et al. 2000).",
        f"The pairs come from {result.people} people. A pair is no independent trial: those of one person rise and "
        "fall together, so the number of people limits what is known, not the number of pairs.",
    ]
    if held is None:
        lines.append("There are fewer than 8 people: no interval can be given, and no number here says much.")
    else:
        units = "people" if held.groups == result.people else f"groups of people (of {result.people} people)"
        lines.append(
            f"The intervals of AUC, EER and TAR come from a bootstrap over people: {held.resamples} draws of "
            f"{held.groups} {units}; they hold for other people drawn like these, not for another camera, light or "
            "population."
        )
    lines.append("Single pictures were compared. A device that averages several frames errs differently.")
    return [*lines, *evaluation.notes]
