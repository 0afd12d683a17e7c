"""The card as one HTML page: no scripts, nothing that is fetched, plots inside."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import jinja2

import edge_runtime
from edge_runtime.towers.card import Card
from export.card.facts import Facts
from export.card.plots import DARK, LIGHT, Theme, rates_svg, scores_svg
from export.card.sections import glance, lead, sections, title
from export.card.text import is_hash

Draw = Callable[[Card, Theme], bytes | None]
_PLOTS: dict[str, tuple[Draw, str]] = {
    "rates": (
        rates_svg,
        "Error rates over each other: nearer to the lower left is better. Circles are the card’s thresholds.",
    ),
    "scores": (scores_svg, "Similarities of all pairs: the less the two hills overlap, the better."),
}


def card_page(facts: Facts) -> str:
    """The page. Its policy allows no script and no address, so that nothing in a stranger's card can do harm."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.tests["hash"] = is_hash
    return environment.get_template("card.html.j2").render(
        title=title(facts),
        name=title(facts).partition(": ")[2],
        lead=lead(facts),
        file=facts.file,
        glance=glance(facts),
        sections=sections(facts),
        plots=_drawn(facts.card),
        version=edge_runtime.__version__,
    )


def _drawn(card: Card) -> dict[str, tuple[str, str, str]]:
    """For each plot that can be drawn: for a light page, for a dark page, and what it shows."""
    found = {}
    for name, (draw, caption) in _PLOTS.items():
        light, dark = draw(card, LIGHT), draw(card, DARK)
        if light is not None and dark is not None:
            found[name] = (_data_url(light), _data_url(dark), caption)
    return found


def _data_url(data: bytes) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(data).decode()}"
