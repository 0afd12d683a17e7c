"""Other words in the card of a tower that is made already: the model, its thresholds and its golden vectors stay."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from edge_runtime.errors import UsageError
from edge_runtime.towers.bundle import pack_bundle, read_bundle
from edge_runtime.towers.card import Card
from edge_runtime.towers.tower import Tower
from edge_runtime.towers.trust import Trust
from export.delivery.bundle import write_proven
from export.delivery.limits import refuse_bad_words, split_limits, stated_limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What the card shall say; None leaves what it says.

    Attributes:
        name: What people call the tower.
        licence: Licence of the weights.
        measured_on: The kind of pictures that error rates were measured on.
        limits_text: Further sentences on its limits.
    """

    name: str | None = None
    licence: str | None = None
    measured_on: str | None = None
    limits_text: str | None = None

    def __post_init__(self) -> None:
        """Refuse what is no text for a card."""
        for option, text in (
            ("--name", self.name),
            ("--licence", self.licence),
            ("--measured-on", self.measured_on),
            ("--limits-text", self.limits_text),
        ):
            refuse_bad_words(text, option)


@dataclass(frozen=True, slots=True, kw_only=True)
class Restated:
    """A tower that was written again.

    Attributes:
        tower: It, loaded from its file.
        was_signed: Whether the file that it was read from was signed; the new one is not.
    """

    tower: Tower
    was_signed: bool


def restate_card(card: Card, words: Words) -> Card:
    """The card with other words.

    Raises:
        UsageError: It is not known which pictures error rates were measured on.
    """
    known, before = split_limits(card.limits)
    pictures = words.measured_on or before
    if pictures is None:
        raise UsageError(
            "the card does not say on which kind of picture error rates were measured. Say it: --measured-on TEXT"
        )
    return replace(
        card,
        name=words.name or card.name,
        licence=words.licence or card.licence,
        limits=stated_limits(known, pictures=pictures, added=words.limits_text),
    )


def restate_file(tower: Path, out: Path, words: Words) -> Restated:
    """Write a tower file again with other words in its card.

    Args:
        tower: The tower; its maker need not be trusted here, but its signature must be that of its content.
        out: Where to.
        words: What the card shall say.

    Raises:
        TowerError: The tower is damaged, or what was written does not pass its self-test.
        UsageError: It is not known which pictures error rates were measured on.
        WriteError: The file cannot be written.
    """
    bundle = read_bundle(tower, trust=replace(Trust.configured(), required=False))
    data = pack_bundle(replace(bundle, card=restate_card(bundle.card, words)))
    return Restated(tower=write_proven(out, data), was_signed=bundle.provenance.status == "signed")
