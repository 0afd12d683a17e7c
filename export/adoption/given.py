"""What a foreign model does not say of itself and its adopter must: size, colour order, range of values, alignment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_runtime.errors import DataError, UsageError
from edge_runtime.faces.align import DEFAULT_TEMPLATE, TEMPLATES, AlignmentTemplate, template_from_values
from edge_runtime.files import read_json
from edge_runtime.towers.preprocess import COLOURS, Colour, InputSpec

# Scale and offset of pixels of 0 to 255 under a name.
RANGES: dict[str, tuple[float, float]] = {
    "signed": (1 / 127.5, -1.0),
    "signed-128": (1 / 128, -127.5 / 128),
    "unit": (1 / 255, 0.0),
    "byte": (1.0, 0.0),
}
DEFAULT_RANGE = "signed"
_ONE_RANGE = (
    "one scale and one offset serve all channels; a mean or deviation for each channel belongs into the model, such as "
    "a Rescaling or Normalization layer in front"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenInput:
    """What the adopter says of the input; None is taken from the model or is the usual.

    Attributes:
        size_px: Side of its square input.
        colour: A colour order of :data:`edge_runtime.towers.preprocess.COLOURS`.
        range_name: A name of :data:`RANGES`.
        scale: What a pixel value of 0 to 255 is multiplied with.
        offset: What is then added.
    """

    size_px: int | None = None
    colour: str | None = None
    range_name: str | None = None
    scale: float | None = None
    offset: float | None = None

    def __post_init__(self) -> None:
        """Refuse what says two things, or nothing known."""
        if self.range_name is not None and (self.scale is not None or self.offset is not None):
            raise UsageError("--range is a scale and an offset by name: give it, or --scale and --offset.")
        if self.range_name is not None and self.range_name not in RANGES:
            raise UsageError(f"unknown --range {self.range_name!r}; known are {', '.join(RANGES)}. {_ONE_RANGE}.")
        if (self.scale is None) != (self.offset is None):
            raise UsageError(f"--scale and --offset go together: {_ONE_RANGE}.")
        if self.colour is not None and self.colour not in COLOURS:
            raise UsageError(f"--colour is {', '.join(COLOURS)}, not {self.colour!r}.")

    def spec(self, *, size_px: int | None, channels: int | None) -> InputSpec:
        """The whole input, of a model that takes this size and so many channels (None where it takes any).

        Raises:
            UsageError: The adopter and the model disagree, or neither says the size.
        """
        return InputSpec(
            size_px=self._agreed_size(size_px),
            colour=self._agreed_colour(channels),
            scale=self.chosen_range[0],
            offset=self.chosen_range[1],
        )

    @property
    def chosen_range(self) -> tuple[float, float]:
        """Scale and offset."""
        if self.scale is not None and self.offset is not None:
            return self.scale, self.offset
        return RANGES[self.range_name or DEFAULT_RANGE]

    def _agreed_size(self, held: int | None) -> int:
        if held is None and self.size_px is None:
            raise UsageError("this model takes pictures of any size: say at which it was trained with --input-size.")
        if held is not None and self.size_px not in (None, held):
            raise UsageError(f"this model takes pictures of {held} px, not {self.size_px}. Use --input-size {held}")
        return int(held or self.size_px or 0)

    def _agreed_colour(self, channels: int | None) -> Colour:
        fitting = colours_of(channels)
        if self.colour is None:
            return fitting[0]
        for colour in fitting:
            if colour == self.colour:
                return colour
        raise UsageError(f"this model takes {channels} channels, so --colour is {' or '.join(fitting)}.")


def colours_of(channels: int | None) -> tuple[Colour, ...]:
    """The colour orders of an input with so many channels (None: any number), the usual one first.

    Raises:
        UsageError: No picture has so many.
    """
    if channels not in (None, 1, 3):
        raise UsageError(f"this model takes {channels} channels; a picture has 1 (grey) or 3 (rgb, bgr).")
    return {1: ("grey",), 3: ("rgb", "bgr"), None: ("rgb", "bgr", "grey")}[channels]


def find_template(text: str | None) -> AlignmentTemplate:
    """An alignment template by its name or from a JSON file; the default if None.

    The file holds ``points``: four (x, y) pairs (the eye at the picture's left, the eye at its right, nose tip, mouth
    centre), or five (both mouth corners in place of the centre). They are fractions of the crop's side, or pixels if
    the file also holds ``size_px``. A ``name`` may be given. A file with ``weights`` or a ``refiner`` is read as
    siamlite writes it, its points as fractions.

    Raises:
        UsageError: There is no such template, or the file holds none.
        DataError: The file cannot be read.
    """
    if text is None:
        return DEFAULT_TEMPLATE
    if text in TEMPLATES:
        return TEMPLATES[text]
    path = Path(text)
    if path.suffix != ".json":
        raise UsageError(
            f"unknown template {text!r} in --align; known are {', '.join(TEMPLATES)}, or give a JSON file with points."
        )
    held = read_json(path, what="the alignment template")
    if "weights" in held or "refiner" in held:
        return _whole_template({"name": path.stem, **held}, path)
    try:
        points = _fractions(held)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{path} holds no alignment template: four or five (x, y) points are needed under 'points', as fractions "
            "of the crop's side, or in pixels with 'size_px'."
        ) from error
    return AlignmentTemplate(name=str(held.get("name") or path.stem), points=points)


def _whole_template(held: dict[str, Any], path: Path) -> AlignmentTemplate:
    """A template as siamlite itself writes it, with weights or for the landmark refiner."""
    try:
        return template_from_values(held)
    except (KeyError, TypeError, ValueError, UsageError) as error:
        raise DataError(f"{path} holds no alignment template that this siamlite knows: {error}") from error


def _fractions(held: dict[str, Any]) -> tuple[tuple[float, float], ...]:
    side = float(held.get("size_px", 1))
    if not side > 0:
        raise ValueError("the size must be above 0")
    points = [(float(x) / side, float(y) / side) for x, y in held["points"]]
    if len(points) == 5:
        # The device's detector sees the middle of the mouth alone.
        (left_x, left_y), (right_x, right_y) = points[3:]
        points[3:] = [((left_x + right_x) / 2, (left_y + right_y) / 2)]
    if len(points) != 4:
        raise ValueError("four or five points are needed")
    return tuple(points)
