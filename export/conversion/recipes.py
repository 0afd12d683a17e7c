"""How a tower can be quantized, and what a conversion must still be worth to be written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Literal

from edge_runtime.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class GateLimits:
    """What the converted tower must reach, next to the float tower it came from.

    Attributes:
        min_mean_cosine: Lowest mean cosine similarity between an embedding and its float original.
        min_p5_cosine: Lowest 5th percentile of it: one picture in twenty may be worse.
        max_eer_rise: By how much the EER may rise, as a fraction (0.01 is one percentage point).
        max_tar_drop: By how much the TAR at FAR 1e-2 may fall, as a fraction, where the fall is more than chance.
        min_genuine_pairs: Fewer pairs of one person than this prove nothing.
        min_impostor_pairs: Fewer pairs of two people than this prove nothing.
    """

    min_mean_cosine: float
    min_p5_cosine: float
    max_eer_rise: float
    max_tar_drop: float
    min_genuine_pairs: int = 20
    min_impostor_pairs: int = 100

    def __post_init__(self) -> None:
        """Refuse limits that nothing could meet or that would let everything pass."""
        cosines, rates = (self.min_mean_cosine, self.min_p5_cosine), (self.max_eer_rise, self.max_tar_drop)
        if not all(0 < value <= 1 for value in cosines) or not all(0 <= value < 0.5 for value in rates):
            raise UsageError(
                f"gate limits make no sense: cosines lie above 0 and up to 1 (not {cosines[0]:g} and {cosines[1]:g}), "
                f"rates from 0 to below 0.5 (not {rates[0]:g} and {rates[1]:g})."
            )
        if min(self.min_genuine_pairs, self.min_impostor_pairs) < 1:
            raise UsageError("a gate needs at least one genuine and one impostor pair.")


LIMIT_KEYS = {
    "mean-cosine": "min_mean_cosine",
    "p5-cosine": "min_p5_cosine",
    "eer-rise": "max_eer_rise",
    "tar-drop": "max_tar_drop",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One way to convert a tower.

    Attributes:
        name: What the user and the card call it.
        purpose: What it is for, in one line.
        limits: What the gate asks of it.
        weights: What weights are stored as.
        activations: What the layers compute with. ``"float32"`` needs no representative set.
        ends: What the tower takes and gives.
        selective: Whether some layers stay float, chosen by name or by their error.
    """

    name: str
    purpose: str
    limits: GateLimits
    weights: Literal["float32", "float16", "int8"]
    activations: Literal["float32", "int8", "int16"]
    ends: Literal["float32", "int8"] = "float32"
    selective: bool = False

    @property
    def calibrated(self) -> bool:
        """Whether a representative set decides the ranges."""
        return self.activations != "float32"


_INT8 = GateLimits(min_mean_cosine=0.995, min_p5_cosine=0.98, max_eer_rise=0.01, max_tar_drop=0.03)
_NEAR = GateLimits(min_mean_cosine=0.9999, min_p5_cosine=0.999, max_eer_rise=0.001, max_tar_drop=0.01)
_ALL = (
    Recipe(
        name="int8",
        purpose="full integer, int8 in and out: smallest, and in LiteRT the same result on every machine",
        limits=_INT8,
        weights="int8",
        activations="int8",
        ends="int8",
    ),
    Recipe(
        name="int8-float-io",
        purpose="full integer inside, float32 in and out: for programs of your own that feed floats",
        limits=_INT8,
        weights="int8",
        activations="int8",
    ),
    Recipe(
        name="int8-selective",
        purpose="int8, but for the layers that lose most (or that --keep-float names): where int8 fails its gate",
        limits=_INT8,
        weights="int8",
        activations="int8",
        selective=True,
    ),
    Recipe(
        name="int16x8",
        purpose="int16 between layers, int8 weights: nearly float's accuracy at int8's size, many times slower",
        limits=_NEAR,
        weights="int8",
        activations="int16",
    ),
    Recipe(
        name="dynamic",
        purpose="int8 weights, the rest found at run time: needs no pictures; ai-edge-litert only, differs by machine",
        limits=_INT8,
        weights="int8",
        activations="float32",
    ),
    Recipe(
        name="float16",
        purpose="weights in half precision, computed in float32: half the size, float's accuracy and speed",
        limits=_NEAR,
        weights="float16",
        activations="float32",
    ),
    Recipe(
        name="float32",
        purpose="nothing quantized: about four times the size of int8, for comparison or where every other gate fails",
        limits=_NEAR,
        weights="float32",
        activations="float32",
    ),
)
RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in _ALL}
DEFAULT_RECIPE = "int8"


def find_recipe(name: str, *, limits: Sequence[str] = ()) -> Recipe:
    """The recipe of a name, with some of its limits replaced.

    Args:
        name: The recipe.
        limits: Other limits, each as ``KEY=VALUE`` with a key of :data:`LIMIT_KEYS`.

    Raises:
        UsageError: There is no such recipe or limit, or a value makes no sense.
    """
    if name not in RECIPES:
        raise UsageError(f"unknown recipe {name!r}; known are {', '.join(RECIPES)}. See: python -m export recipes")
    changed: dict[str, float] = {}
    for limit in limits:
        key, _, value = limit.partition("=")
        try:
            changed[LIMIT_KEYS[key]] = float(value)
        except (KeyError, ValueError) as error:
            raise UsageError(
                f"--limit takes KEY=VALUE with a key of {', '.join(LIMIT_KEYS)}, such as eer-rise=0.003, not {limit!r}."
            ) from error
    recipe = RECIPES[name]
    return replace(recipe, limits=GateLimits(**(asdict(recipe.limits) | changed)))
