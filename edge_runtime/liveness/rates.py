"""APCER and BPCER: how often attacks are taken for people and people for attacks (ISO/IEC 30107-3)."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edge_runtime.liveness.policy import Liveness
from edge_runtime.measures.proportions import proportion_interval

BONA_FIDE = "bona-fide"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One presentation and what it was found to be.

    Attributes:
        kind: Kind of attack, or :data:`BONA_FIDE`.
        bona_fide: Whether it is a person.
        finding: What was found.
    """

    kind: str
    bona_fide: bool
    finding: Liveness


@dataclass(frozen=True, slots=True, kw_only=True)
class KindRates:
    """The errors on one kind of presentation.

    Attributes:
        kind: Its name.
        measure: ``"APCER"``: the share of attacks that were let through; ``"BPCER"``: of people who were refused.
        errors: How many were.
        tries: Presentations.
        rate: Their ratio.
        bounds: 95 % interval by Clopper and Pearson.
        reasons: How often each reason was given, the most frequent first.
    """

    kind: str
    measure: str
    errors: int
    tries: int
    rate: float
    bounds: tuple[float, float]
    reasons: dict[str, int]

    def to_dict(self) -> dict[str, Any]:
        """All fields as plain values for JSON."""
        return {**dataclasses.asdict(self), "bounds": list(self.bounds)}


def lets_through(finding: Liveness, mode: str) -> bool:
    """Whether a presentation of which this was found may be compared with the enrolled people.

    Args:
        finding: What was found.
        mode: ``"on"`` or ``"required"`` (:class:`edge_runtime.liveness.policy.LivenessPolicy`).
    """
    return finding.live is True or (mode == "on" and finding.live is None)


def kind_rates(judged: Sequence[Judged], *, mode: str) -> list[KindRates]:
    """The errors on each kind, people first; attacks of different kinds are never put together.

    Args:
        judged: The presentations.
        mode: ``"on"`` or ``"required"``.
    """
    kinds = sorted({(not item.bona_fide, item.kind) for item in judged})
    rates = []
    for attack, kind in kinds:
        findings = [item.finding for item in judged if item.kind == kind and item.bona_fide is not attack]
        errors = sum(lets_through(finding, mode) is attack for finding in findings)
        rates.append(
            KindRates(
                kind=kind,
                measure="APCER" if attack else "BPCER",
                errors=errors,
                tries=len(findings),
                rate=errors / len(findings),
                bounds=proportion_interval(errors, len(findings)),
                reasons=dict(Counter(finding.reason for finding in findings).most_common()),
            )
        )
    return rates
