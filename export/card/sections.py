"""The card as sections of plain text and tables: what Markdown and HTML both show. Nothing in it is escaped yet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edge_runtime.faces.align import AlignmentTemplate
from edge_runtime.towers.signature import short_fingerprint
from export.card.facts import Facts
from export.card.quality import default_point, headline_rates, quality_tables, threshold_table
from export.card.table import Row, Table
from export.card.text import count, flat, inner, percent, shortened, size, whole, words
from export.conversion.recipes import RECIPES

_ROWS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of the card.

    Attributes:
        title: Its heading.
        text: Paragraphs before the tables.
        tables: The tables.
        plots: Names of the plots that belong here, in a page that can show them.
        points: A list after the tables.
    """

    title: str
    text: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    plots: tuple[str, ...] = ()
    points: tuple[str, ...] = ()


def title(facts: Facts) -> str:
    """The heading of the whole card."""
    return f"Model card: {words(facts.card.name, limit=80)}"


def lead(facts: Facts) -> str:
    """The tower in a sentence or two."""
    card = facts.card
    side, colour = card.input.size_px, "grey" if card.input.colour == "grey" else "colour"
    return (
        f"A face-embedding tower: one aligned {side}×{side} {colour} crop in, {card.embedding_length} numbers out, "
        f"compared by cosine similarity. Recipe {words(card.recipe, limit=60)}, {facts.file_bytes / 1024:,.0f} KiB, "
        f"{facts.macs / 1e6:,.2f} million multiply-accumulates a face, {_signer(facts)}."
    )


def glance(facts: Facts) -> tuple[tuple[str, str, str], ...]:
    """The figures that a reader looks for first: a name, a value, and what stands behind it."""
    point, rates = default_point(facts.card), headline_rates(facts.card)
    tiles = [("EER", rates[0], rates[1])] if rates else []
    if point:
        bound = f"of impostor pairs accepted; 95 % upper bound {percent(point.fmr_upper)}"
        tiles.append(("FMR at the threshold", percent(point.fmr), bound))
        tiles.append(("FNMR there", percent(point.fnmr), f"of {count(point.genuine_pairs)} genuine pairs rejected"))
    tiles.append(("File", f"{facts.file_bytes / 1024:,.0f} KiB", f"model {facts.model_bytes / 1024:,.0f} KiB"))
    tiles.append(("Work", f"{facts.macs / 1e6:,.2f} M", "multiply-accumulates"))
    return tuple(tiles)


def sections(facts: Facts) -> tuple[Section, ...]:
    """All sections that the card has something to say for, in order."""
    return tuple(section for make in _SECTIONS if (section := make(facts)) is not None)


def _identity(facts: Facts) -> Section:
    provenance = facts.provenance
    rows: list[Row] = [
        ("name", words(facts.card.name, limit=200)),
        ("file", facts.file),
        ("size of the file", size(facts.file_bytes)),
        ("file, SHA-256", facts.sha256),
        ("embedding space", facts.fingerprint),
        ("signature", _signer(facts)),
    ]
    if provenance.fingerprint:
        rows.append(("fingerprint of the key", provenance.fingerprint))
    rows += [
        ("licence of the weights", words(facts.card.licence)),
        ("thresholds measured with", words(facts.card.runtime, limit=100)),
        ("card’s schema", words(facts.card.schema_version)),
    ]
    said = "The embedding space is that of the runtime that the thresholds were measured with; galleries carry it."
    return Section(title="Identity", tables=(Table(rows=tuple(rows), note=said),))


def _signer(facts: Facts) -> str:
    """Who signed it, for a reader who may sit before another machine."""
    held = facts.provenance
    if held.status != "signed" or held.fingerprint is None:
        return str(held)
    return f"signed by the key {short_fingerprint(held.fingerprint)}"


def _landmarks(template: AlignmentTemplate) -> str:
    """Which landmarks a template places, in words."""
    names = "eyes, nose and mouth" if not template.refiner else "corners of the eyes and base of the nose, refined,"
    return f"{names} with the weights {', '.join(f'{w:g}' for w in template.weights)}" if template.weights else names


def _limits_of_quality(own: dict[str, float]) -> str:
    """The limits that a card sets itself, in words."""
    if not own:
        return "the usual ones of siamlite"
    return f"{', '.join(f'{name} {value:g}' for name, value in sorted(own.items()))}; else the usual ones of siamlite"


def _input(facts: Facts) -> Section:
    card, spec = facts.card, facts.card.input
    colour = "grey: one channel, ITU-R BT.601 luma" if spec.colour == "grey" else "three channels, in the order R, G, B"
    places = ", ".join(f"({x:.4f}, {y:.4f})" for x, y in card.template.points)
    rows: list[Row] = [
        ("input", f"{spec.size_px} × {spec.size_px} × {spec.channels}, batch 1"),
        ("colour", colour),
        (
            "a pixel p of 0 to 255 is",
            f"p × {spec.scale:.9g} {'−' if spec.offset < 0 else '+'} {abs(spec.offset):.6g}",
        ),
        ("alignment", f"{words(card.template.name, limit=60)}: {_landmarks(card.template)} at {places} of the side"),
        ("output", f"{card.embedding_length} numbers, scaled to length 1 outside of the model"),
        ("comparison", f"{words(card.metric, limit=40)} similarity"),
        ("similarity to a person", f"the {words(card.person_score, limit=40)} of those to their templates"),
        ("limits of a face’s quality", _limits_of_quality(card.quality_limits)),
    ]
    return Section(title="What it takes and gives", tables=(Table(rows=tuple(rows)),))


def _cost(facts: Facts) -> Section:
    rows: list[Row] = [
        ("file", size(facts.file_bytes)),
        ("model in it (flatbuffer)", size(facts.model_bytes)),
        ("weights and biases", size(facts.weight_bytes)),
        ("multiply-accumulates", count(facts.macs)),
    ]
    operators: list[Row] = [
        (words(row.name, limit=60), str(row.version), row.type, count(row.count), count(row.macs))
        for row in facts.operators
    ]
    head = ("operator", "version", "computes with", "number", "multiply-accumulates")
    kinds = Table(heading=head, rows=tuple(shortened(operators, _ROWS)), text_columns=1)
    return Section(title="Size, work and operators", tables=(Table(rows=tuple(rows)), kinds))


def _quality(facts: Facts) -> Section | None:
    tables, said = quality_tables(facts.card)
    return Section(title="Quality", text=said, tables=tables, plots=("rates", "scores")) if tables else None


def _thresholds(facts: Facts) -> Section:
    if not facts.card.thresholds:
        said = "The card has no threshold: one must be set by hand, with --threshold."
        return Section(title="Thresholds", text=(said,))
    said = (
        "Each is the lowest similarity at which no more than the target share of the impostor pairs was accepted, "
        "solved on this very file. Pairs are not independent of each other, so the true bounds are looser."
    )
    return Section(title="Thresholds", text=(said,), tables=(threshold_table(facts.card),))


def _quantization(facts: Facts) -> Section:
    card, held = facts.card, facts.card.representative
    recipe = words(card.recipe, limit=60)
    known = RECIPES.get(card.recipe) if isinstance(card.recipe, str) else None
    rows: list[Row] = [("recipe", f"{recipe}: {known.purpose}" if known else recipe)]
    kept = inner(card.evaluation, "kept_float")
    if isinstance(kept, list) and kept:
        rows.append(("layers that stayed float", words(", ".join(words(name, limit=80) for name in kept[:40]))))
    files = inner(held, "files")
    if held:
        rows += [
            ("representative pictures", f"{count(inner(held, 'pictures'))} of {count(inner(held, 'people'))} people"),
            ("their kind", words(inner(held, "kind"))),
            ("seed that chose them", words(inner(held, "seed"))),
            ("set, SHA-256", words(inner(held, "sha256"), limit=80)),
        ]
    if isinstance(files, list):
        rows.append(("listed in the card", f"{len(files):,} pictures by their SHA-256"))
    return Section(title="Quantization", tables=(Table(rows=tuple(rows)),))


def _runtimes(facts: Facts) -> Section | None:
    held = inner({"card": getattr(facts.card, "runtimes", None)}, "card")
    if not isinstance(held, dict) or not held:
        return None
    rows: list[Row] = [
        (words(name, limit=60), words(inner(said, "outcome"), limit=60), words(inner(said, "reason"), limit=300))
        for name, said in sorted(held.items())[:_ROWS]
    ]
    return Section(
        title="Runtimes", tables=(Table(heading=("runtime", "outcome", "reason"), rows=tuple(rows), text_columns=3),)
    )


def _training(facts: Facts) -> Section | None:
    versions = flat(facts.card.versions)
    tables = []
    if facts.card.training:
        tables.append(Table(heading=("training", ""), rows=tuple(flat(facts.card.training)), text_columns=2))
    if versions:
        tables.append(Table(heading=("made with", "version"), rows=tuple(versions), text_columns=2))
    if not tables:
        return None
    said = "What the maker states of data and configuration; siamlite copies it and cannot prove it."
    return Section(title="Training", text=(said,), tables=tuple(tables))


def _limits(facts: Facts) -> Section:
    evaluation = facts.card.evaluation
    people, impostor = whole(inner(evaluation, "people")), whole(inner(evaluation, "impostor_pairs"))
    points = []
    if people and impostor:
        points.append(
            f"The error rates come from {people:,} people and {impostor:,} impostor pairs: an FMR below "
            f"{percent(1 / impostor)} cannot be seen at all, and the number of people limits what is known more than "
            "that of pairs."
        )
    points += [
        "Rates hold for people, cameras and light like those of the evaluation. Nothing here says how they differ "
        "between groups of people; that has to be measured on people like those who will use it.",
        "Single pictures were compared. The device averages several frames, and errs differently.",
        "The tower tells faces apart; it does not tell a face from a photograph or a screen.",
    ]
    return Section(title="Limits of use", text=(words(facts.card.limits, limit=2000),), points=tuple(points))


_SECTIONS: tuple[Callable[[Facts], Section | None], ...] = (
    _identity,
    _input,
    _quality,
    _thresholds,
    _cost,
    _quantization,
    _runtimes,
    _training,
    _limits,
)
