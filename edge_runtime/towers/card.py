"""The model card: what a tower file says of itself, and the only source of what the device may assume about it."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass, field
from typing import Any

from edge_runtime.commands.printable import printable
from edge_runtime.errors import TowerError, UsageError
from edge_runtime.faces.align import DEFAULT_TEMPLATE, AlignmentTemplate, template_from_values, template_values
from edge_runtime.faces.quality import QualityLimits
from edge_runtime.measures.metrics import OperatingPoint
from edge_runtime.towers.preprocess import InputSpec

SCHEMA_VERSION = 1
_TEXTS = ("name", "recipe", "runtime_family", "runtime", "metric", "licence", "limits", "person_score")
_TABLES = ("evaluation", "training", "representative", "runtimes", "versions", "quality_limits")
DEFAULT_LIMITS = "Not stated by its maker. It does not detect photographs or screens held before the camera."


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What a tower file says of itself.

    Attributes:
        name: What people call the tower.
        input: What it takes in.
        embedding_length: Length of its embeddings.
        recipe: How it was quantized: the name of a recipe of ``export``, or ``"as it came"``.
        runtime_family: The interpreter family that thresholds, tables and golden vectors were measured with.
        runtime: That interpreter and its version.
        thresholds: Operating points measured on people who were not trained on, by rising target FMR.
        default_fmr: Target FMR of the threshold that is used unless another is asked for.
        template: Where landmarks lie in the crop.
        metric: How embeddings are compared; always ``"cosine"``.
        evaluation: Tables of float against quantized quality.
        training: Configuration, seed and data of the training run, as far as they are known.
        representative: Pictures that quantization was calibrated with: number and hashes.
        runtimes: Which interpreters take the file: for each its ``outcome`` and the ``reason``.
        versions: Packages that made the file.
        licence: Licence of the weights, as the maker states it.
        limits: What the tower is not made for.
        person_score: What the thresholds hold for where a person has several templates: their ``"mean"`` or ``"best"``.
        quality_limits: Limits of a face's quality that differ from the usual ones
            (:class:`edge_runtime.faces.quality.QualityLimits`), by name.
        schema_version: Version of this structure.
    """

    name: str
    input: InputSpec
    embedding_length: int
    recipe: str
    runtime_family: str
    runtime: str
    thresholds: tuple[OperatingPoint, ...]
    default_fmr: float | None
    template: AlignmentTemplate = DEFAULT_TEMPLATE
    metric: str = "cosine"
    evaluation: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    representative: dict[str, Any] = field(default_factory=dict)
    runtimes: dict[str, dict[str, str]] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    licence: str = "not stated"
    limits: str = DEFAULT_LIMITS
    person_score: str = "mean"
    quality_limits: dict[str, float] = field(default_factory=dict)
    schema_version: int = SCHEMA_VERSION

    def __post_init__(self) -> None:
        """Refuse a card that contradicts itself."""
        if self.schema_version != SCHEMA_VERSION:
            raise TowerError(
                f"the card has schema version {self.schema_version!r:.50}; this siamlite reads {SCHEMA_VERSION}. "
                "Export the tower again with this version, or update siamlite."
            )
        if self.metric != "cosine":
            raise TowerError(f"the card's metric is {self.metric!r:.50}; only 'cosine' is known.")
        if self.person_score not in ("mean", "best"):
            raise TowerError(
                f"the card's score of a person is {self.person_score!r:.50}; only 'mean' and 'best' are known."
            )
        QualityLimits.of(self.quality_limits)
        if not isinstance(self.embedding_length, int) or not 2 <= self.embedding_length <= 4096:
            raise TowerError(f"the card's embedding length is {self.embedding_length!r:.50}; 2 to 4096 is accepted.")
        if self.default_fmr is not None and self.default_fmr not in [point.target_fmr for point in self.thresholds]:
            raise TowerError(f"the card's default FMR {self.default_fmr!r:.50} is not among its thresholds.")
        for point in self.thresholds:
            if not -1 <= point.threshold <= 1.01:
                raise TowerError(f"the card's threshold {point.threshold!r:.50} is no cosine similarity.")

    def operating_point(self, target_fmr: float | None = None) -> OperatingPoint:
        """The operating point for a target FMR (the card's default if None).

        Raises:
            UsageError: The card has no threshold for it.
        """
        wanted = self.default_fmr if target_fmr is None else target_fmr
        for point in self.thresholds:
            if point.target_fmr == wanted:
                return point
        known = ", ".join(f"{point.target_fmr:g}" for point in self.thresholds) or "none"
        raise UsageError(
            f"the tower's card has no threshold for FMR {wanted} (it has: {known}). Export the tower with more people "
            "to calibrate on, or set a threshold yourself with --threshold."
        )


def card_to_json(card: Card) -> bytes:
    """A card as JSON bytes: the same card always gives the same bytes."""
    values = dataclasses.asdict(card) | {"template": template_values(card.template)}
    text = json.dumps(values, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()


def card_from_json(data: bytes) -> Card:
    """Read a card strictly: every key must be known and every needed key be there.

    Raises:
        TowerError: It is not a card that this version can trust.
    """
    try:
        values = _checked(json.loads(data, parse_constant=_refuse_constant, parse_float=_finite_float))
        values["input"] = InputSpec(**values["input"])
        values["template"] = template_from_values(values["template"])
        values["thresholds"] = tuple(OperatingPoint(**point) for point in values["thresholds"])
        card = Card(**values)
        _check_kinds(card)
        return card
    except TowerError:
        raise
    except UsageError as error:
        raise TowerError(f"the card in this tower is wrong: {error}") from error
    except RecursionError as error:
        raise TowerError("the card in this tower is nested too deeply. Export the tower again.") from error
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        reason = printable(str(error))[:200]
        raise TowerError(f"the card in this tower cannot be read ({reason}). Export the tower again.") from error


def _check_kinds(card: Card) -> None:
    """Refuse a card in which something is of another kind than whoever uses it takes it for.

    Raises:
        TypeError, ValueError: It is.
    """
    for name in _TEXTS:
        if not isinstance(getattr(card, name), str):
            raise TypeError(f"its {name} is no text")
    for name in _TABLES:
        if not isinstance(getattr(card, name), dict):
            raise TypeError(f"its {name} is no table")
    if not all(isinstance(verdict, dict) for verdict in card.runtimes.values()):
        raise TypeError("its runtimes are no tables")
    for point in card.thresholds:
        numbers = dataclasses.asdict(point)
        if not all(type(value) in (int, float) for value in numbers.values()):
            raise TypeError("its thresholds are no numbers")
        counts = (point.impostor_pairs, point.genuine_pairs, point.false_matches)
        if not all(0 <= rate <= 1 for rate in (point.target_fmr, point.fmr, point.fmr_upper, point.fnmr)):
            raise ValueError("its error rates are none")
        if not all(type(count) is int and count >= 0 for count in counts):
            raise ValueError("its numbers of pairs are none")


# No card of ours is nested half as deeply.
_MAX_DEPTH = 32


def _checked(values: Any) -> Any:
    """The values, unless whatever walks through them or writes them would break.

    Raises:
        RecursionError: They are nested too deeply.
        ValueError: They hold half a character.
    """
    level = [values]
    for _ in range(_MAX_DEPTH):
        inner = [part.values() if isinstance(part, dict) else part for part in level if isinstance(part, dict | list)]
        level = [part for parts in inner for part in parts]
        if not level:
            json.dumps(values, ensure_ascii=False).encode()
            return values
    raise RecursionError


def _refuse_constant(name: str) -> float:
    raise ValueError(f"it holds {name}, which is no JSON")


def _finite_float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"it holds {text[:20]}, which is too large for a number")
    return value
