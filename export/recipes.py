"""How a tower can be quantized, and what a conversion must still be worth to be written."""

from __future__ import annotations

from dataclasses import dataclass

from edge_runtime.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class GateLimits:
    """What the converted tower must reach, next to the float tower it came from.

    Attributes:
        min_mean_cosine: Lowest mean cosine similarity between an embedding and its float original.
        max_eer_rise: By how much the EER may rise, as a fraction (0.01 is one percentage point).
        min_genuine_pairs: Fewer pairs of one person than this prove nothing.
        min_impostor_pairs: Fewer pairs of two people than this prove nothing.
    """

    min_mean_cosine: float
    max_eer_rise: float
    min_genuine_pairs: int = 20
    min_impostor_pairs: int = 100

    def __post_init__(self) -> None:
        """Refuse limits that nothing could meet or that would let everything pass."""
        if not 0 < self.min_mean_cosine <= 1 or not 0 <= self.max_eer_rise < 0.5:
            raise UsageError(f"gate limits make no sense: {self}.")
        if min(self.min_genuine_pairs, self.min_impostor_pairs) < 1:
            raise UsageError(f"a gate needs at least one pair of each kind: {self}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One way to convert a tower.

    Attributes:
        name: What the user and the card call it.
        purpose: What it is for, in one line.
        limits: What the gate asks of it.
        full_integer: Whether weights, activations, input and output become int8 (else all stay float32).
    """

    name: str
    purpose: str
    limits: GateLimits
    full_integer: bool


RECIPES: dict[str, Recipe] = {
    "int8": Recipe(
        name="int8",
        purpose="full integer, int8 in and out: smallest, fastest on a Raspberry Pi, the same result on every machine",
        limits=GateLimits(min_mean_cosine=0.995, max_eer_rise=0.01),
        full_integer=True,
    ),
    "float32": Recipe(
        name="float32",
        purpose="nothing quantized: about four times the size, for comparison or where the int8 gate fails",
        limits=GateLimits(min_mean_cosine=0.9999, max_eer_rise=0.001),
        full_integer=False,
    ),
}
DEFAULT_RECIPE = "int8"


def find_recipe(name: str) -> Recipe:
    """The recipe of a name.

    Raises:
        UsageError: There is none.
    """
    if name not in RECIPES:
        raise UsageError(f"unknown recipe {name!r}; known are {', '.join(RECIPES)}. See: python -m export recipes")
    return RECIPES[name]
