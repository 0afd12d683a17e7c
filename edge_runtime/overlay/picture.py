"""What is drawn on a frame: faces with names, similarities and how far each attempt is; the outcome; the times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from edge_runtime.faces.align import Points
from edge_runtime.images import Image
from edge_runtime.overlay.ink import Colour, corners, disc, fit_text, panel, text_width, write

STATES: dict[str, Colour] = {
    "accepted": (63, 185, 105),
    "rejected": (238, 84, 78),
    "looking": (240, 180, 60),
    "poor": (240, 180, 60),
    "other": (150, 168, 184),
}
_STAGE_COLOURS: dict[str, Colour] = {
    "grab": (160, 172, 186),
    "detect": (96, 165, 235),
    "follow": (150, 190, 240),
    "align": (92, 200, 222),
    "embed": (92, 204, 150),
    "match": (232, 186, 84),
    "decide": (224, 140, 196),
}
_PAPER, _INK, _SOFT, _BLACK = (16, 20, 26), (255, 255, 255), (196, 205, 214), (0, 0, 0)
_OPACITY = 0.8

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceLabel:
    """A face and what is written beside it.

    Attributes:
        box_px: (left, top, right, bottom) in pixels; it may reach beyond the frame.
        state: ``"accepted"``, ``"rejected"``, ``"looking"``, ``"poor"`` or ``"other"`` (not the one that is judged).
        name: Who it is, or what is known of it.
        landmarks_px: float32 of shape (n, 2); None to leave them out.
        similarity: To the person that it is compared with; None for no bar.
        reason: A few words under the name.
        progress: Good frames so far and wanted; None for no dots.
    """

    box_px: Box
    state: str
    name: str = ""
    landmarks_px: Points | None = None
    similarity: float | None = None
    reason: str = ""
    progress: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """All that is drawn on one frame.

    Attributes:
        faces: The faces; the first is the one that matters most.
        headline: The words at the top; empty for no line there.
        state: As of a face; the colour of the headline.
        detail: Smaller words beside the headline.
        threshold: Lowest similarity that is accepted; marked on the bars.
        latency_ms: Time of each stage; empty for no line at the bottom.
        type_px: Height of a capital letter; what suits the size of the frame if None.
    """

    faces: Sequence[FaceLabel] = ()
    headline: str = ""
    state: str = "looking"
    detail: str = ""
    threshold: float = 0.0
    latency_ms: Mapping[str, float] = field(default_factory=dict)
    type_px: float | None = None


def draw_overlay(image_rgb: Image, overlay: Overlay) -> Image:
    """A copy of a frame, drawn on.

    Args:
        image_rgb: uint8 of shape (height, width, 3).
        overlay: What to draw.
    """
    canvas = image_rgb.copy()
    size = overlay.type_px or type_size(canvas)
    for face in reversed(overlay.faces):
        _mark(canvas, face, size)
    top = _headline(canvas, overlay, size) if overlay.headline else 0
    bottom = _times(canvas, overlay.latency_ms, size) if overlay.latency_ms else canvas.shape[0]
    taken: list[Box] = []
    for face in overlay.faces:
        width, height = _label_size(canvas, face, size)
        others = [other.box_px for other in overlay.faces]
        place = _place(face.box_px, (width, height), (0, top, canvas.shape[1], bottom), taken, others, size)
        taken.append((*place, place[0] + width, place[1] + height))
        _label(canvas, face, place, width, height, overlay.threshold, size)
    return canvas


def type_size(canvas: Image) -> float:
    """Height of a capital letter for a picture of this size, in pixels."""
    height, width = canvas.shape[:2]
    return max(6.5, min(width, height * 4 / 3) * 0.0175)


def _mark(canvas: Image, face: FaceLabel, size: float) -> None:
    colour, thick = STATES[face.state], max(2, round(size / 4))
    left, top, right, bottom = face.box_px
    # A dark edge under the colour, so that it stands out before anything.
    corners(canvas, (left - 1, top - 1, right + 1, bottom + 1), _BLACK, thick=thick + 2, opacity=0.45)
    corners(canvas, face.box_px, colour, thick=thick)
    if face.landmarks_px is not None:
        for x, y in face.landmarks_px:
            disc(canvas, float(x), float(y), size / 4 + 1, _BLACK, opacity=0.45)
            disc(canvas, float(x), float(y), size / 4, _INK)


def _headline(canvas: Image, overlay: Overlay, size: float) -> float:
    """The line at the top; returns where it ends."""
    height, margin = round(2.9 * size), round(1.1 * size)
    panel(canvas, 0, 0, canvas.shape[1], height, _PAPER, opacity=_OPACITY)
    panel(canvas, 0, height, canvas.shape[1], max(2, round(size / 5)), STATES[overlay.state])
    base, x = height / 2 + size / 2, margin + 1.6 * size
    disc(canvas, margin + 0.45 * size, height / 2, 0.45 * size, STATES[overlay.state])
    room = canvas.shape[1] - x - margin
    x += write(canvas, fit_text(overlay.headline, size, room, bold=True), x, base, size, _INK, bold=True) + size
    if overlay.detail and x + text_width(overlay.detail, size * 0.85) <= canvas.shape[1] - margin:
        write(canvas, overlay.detail, x, base, size * 0.85, _SOFT)
    return height + size / 5


def _times(canvas: Image, latency_ms: Mapping[str, float], size: float) -> float:
    """The line at the bottom; returns where it begins."""
    small, margin = max(6.0, size * 0.8), round(1.1 * size)
    height = round(2.6 * small)
    top = canvas.shape[0] - height
    total = f"{sum(latency_ms.values()):.1f} ms"
    panel(canvas, 0, top, canvas.shape[1], height, _PAPER, opacity=_OPACITY)
    base, end = top + height / 2 + small / 2, canvas.shape[1] - margin
    write(canvas, total, end - text_width(total, small, bold=True), base, small, _INK, bold=True)
    room, x = end - text_width(total, small, bold=True) - 1.5 * small, float(margin)
    parts = {stage: f"{stage} {ms:.1f}" for stage, ms in latency_ms.items()}
    # On a narrow frame only what takes longest.
    while parts and margin + sum(text_width(words, small) + 3 * small for words in parts.values()) > room:
        del parts[min(parts, key=lambda stage: latency_ms[stage])]
    for stage, words in parts.items():
        panel(canvas, x, base - small, small, small, _STAGE_COLOURS.get(stage, _SOFT), radius=small / 4)
        x += 1.4 * small
        x += write(canvas, words, x, base, small, _SOFT) + 1.6 * small
    return top


def _label_size(canvas: Image, face: FaceLabel, size: float) -> tuple[int, int]:
    pad, small = round(0.8 * size), size * 0.82
    widths = [text_width(face.name, size, bold=True), text_width(face.reason, small)]
    rows = 1.0 * bool(face.name) + 0.95 * bool(face.reason)
    if face.similarity is not None:
        widths.append(round(11 * size))
        rows += 0.95
    if face.progress is not None:
        widths.append(round(face.progress[1] * 0.95 * size) if face.progress[1] <= 12 else round(8 * size))
        rows += 0.7
    if not rows:
        return 0, 0
    most = min(canvas.shape[1] - 4, max(round(0.45 * canvas.shape[1]), round(14 * size)))
    return min(most, max(widths) + 2 * pad + round(0.4 * size)), round(rows * 1.85 * size) + pad


def _place(
    face: Box, label: tuple[int, int], room: Box, taken: list[Box], faces: list[Box], size: float
) -> tuple[float, float]:
    """Where a label goes: below its face, above it, or beside it; where it hides least."""
    left, top, right, bottom = face
    width, height = label
    gap = round(0.6 * size)
    below, above = bottom + gap, top - gap - height
    columns = ((left + right - width) / 2, left, right - width)
    spots = [(x, y) for y in (below, above) for x in columns]
    spots += [(x, y) for y in (top, bottom - height) for x in (right + gap, left - gap - width)]
    spots += [(columns[0], bottom - height)]
    inside = [
        (min(max(x, room[0] + 2), room[2] - 2 - width), min(max(y, room[1] + 2), room[3] - 2 - height))
        for x, y in spots
    ]

    def hidden(spot: tuple[float, float]) -> float:
        mine = (*spot, spot[0] + width, spot[1] + height)
        strange = sum(_shared(mine, other) for other in faces if other != face)
        return 6 * sum(_shared(mine, other) for other in taken) + 3 * strange + _shared(mine, face)

    return min(inside, key=hidden)


def _shared(a: Box, b: Box) -> float:
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))


def _label(
    canvas: Image, face: FaceLabel, place: tuple[float, float], width: int, height: int, threshold: float, size: float
) -> None:
    if not height:
        return
    (x, y), pad, small = place, round(0.8 * size), size * 0.82
    colour = STATES[face.state]
    panel(canvas, x, y, width, height, _PAPER, opacity=_OPACITY, radius=size / 2)
    panel(canvas, x, y, max(2, round(size / 3.5)), height, colour, radius=size / 8)
    inner, room = x + pad + round(0.4 * size), width - 2 * pad - round(0.4 * size)
    base = y + pad / 2 + 1.4 * size
    if face.name:
        write(canvas, fit_text(face.name, size, room, bold=True), inner, base, size, _INK, bold=True)
        base += 1.85 * size
    if face.similarity is not None:
        similarity_bar(canvas, (inner, base), room, face.similarity, threshold, size)
        base += 0.95 * 1.85 * size
    if face.reason:
        write(canvas, fit_text(face.reason, small, room), inner, base - 0.1 * size, small, _SOFT)
        base += 0.95 * 1.85 * size
    if face.progress is not None:
        _dots(canvas, (inner, base - 0.55 * size), room, face.progress, colour, size)


def similarity_bar(
    canvas: Image, start: tuple[float, float], width: float, similarity: float, threshold: float, size: float
) -> None:
    """A bar from 0 to 1 that is filled up to the similarity, with a mark at the threshold and the number behind it.

    Args:
        canvas: uint8 of shape (height, width, 3), RGB; drawn on.
        start: Left end and the line that the number stands on.
        width: Of bar and number.
        similarity: What was reached.
        threshold: What is needed.
        size: Height of a capital letter.
    """
    small = size * 0.82
    words = f"{similarity:.2f}"
    (x, base), number = start, text_width("-0.00", small, bold=True) + round(0.6 * size)
    length, thick = max(10.0, width - number), max(4, round(0.62 * size))
    y = base - small / 2 - thick / 2
    colour = STATES["accepted" if similarity >= threshold else "rejected"]
    panel(canvas, x, y, length, thick, _SOFT, opacity=0.35, radius=thick / 2)
    filled = length * min(1.0, max(0.0, similarity))
    if filled >= 1:
        panel(canvas, x, y, max(filled, thick), thick, colour, radius=thick / 2)
    mark = x + length * min(1.0, max(0.0, threshold))
    panel(canvas, mark - max(2, size / 5) / 2, y - 0.25 * size, max(2, size / 5), thick + 0.5 * size, _INK)
    write(canvas, words, x + width - text_width(words, small, bold=True), base, small, _INK, bold=True)


def _dots(
    canvas: Image, start: tuple[float, float], width: float, progress: tuple[int, int], colour: Colour, size: float
) -> None:
    """One dot for each good frame that is wanted, or a bar if there would be too many."""
    (x, y), (good, wanted) = start, progress
    if wanted > 12:
        panel(canvas, x, y - 2, width, 4, _SOFT, opacity=0.35, radius=2)
        panel(canvas, x, y - 2, max(1.0, width * min(1.0, good / wanted)), 4, colour, radius=2)
        return
    for number in range(wanted):
        filled = number < good
        disc(
            canvas,
            x + (0.3 + 0.95 * number) * size,
            y,
            0.3 * size,
            colour if filled else _SOFT,
            opacity=1 if filled else 0.35,
        )
