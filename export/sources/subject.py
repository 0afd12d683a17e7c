"""What becomes a tower file, whoever trained it: everything that the card says and the model itself does not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from edge_runtime.faces.align import AlignmentTemplate
from edge_runtime.towers.card import DEFAULT_LIMITS
from edge_runtime.towers.preprocess import InputSpec
from export.sources.run import Run, public_training


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is exported.

    Attributes:
        name: What people shall call the tower.
        spec: What it takes in.
        template: Where landmarks must lie in its crops.
        training: What is known of its training, for the card: no path and nobody's name.
        licence: Licence of the weights.
        limits: What the tower is not made for.
    """

    name: str
    spec: InputSpec
    template: AlignmentTemplate
    training: dict[str, Any] = field(default_factory=dict)
    licence: str = "not stated"
    limits: str = DEFAULT_LIMITS


def subject_of_run(run: Run, *, name: str | None, licence: str) -> Subject:
    """A training run as the subject of an export; its recipe names it unless a name is given."""
    return Subject(
        name=name or run.name,
        spec=run.spec,
        template=run.template,
        training=public_training(run),
        licence=licence,
    )
