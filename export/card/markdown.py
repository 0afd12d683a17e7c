"""The card as Markdown (CommonMark with GitHub's tables)."""

from __future__ import annotations

import re

import edge_runtime
from export.card.facts import Facts
from export.card.sections import Section, lead, sections, title
from export.card.table import Table
from export.card.text import is_hash

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_MARKS = re.compile(r"([\\`*\[\]|~$])|(?<![0-9A-Za-z])(_)|(_)(?![0-9A-Za-z])")
_START = re.compile(r"^([#+=-]|\d+[.)](?=\s|$))")
_ADDRESS = re.compile(r"(https?|ftp|www|mailto)([:.])", re.IGNORECASE)


def card_markdown(facts: Facts) -> str:
    """The whole card."""
    parts = [f"# {escape(title(facts))}", paragraph(lead(facts))]
    for section in sections(facts):
        parts += _section(section)
    version = edge_runtime.__version__
    parts.append(f"Read from the file by siamlite {version}. With plots: `python -m export card … --out card.html`")
    return "\n\n".join(parts) + "\n"


def _section(section: Section) -> list[str]:
    parts = [f"## {escape(section.title)}", *(paragraph(text) for text in section.text)]
    for table in section.tables:
        parts.append(table_markdown(table))
        if table.note:
            parts.append(paragraph(table.note))
    if section.points:
        parts.append("\n".join(f"- {paragraph(point)}" for point in section.points))
    return parts


def table_markdown(table: Table) -> str:
    """A table in pipes."""
    columns = len(table.rows[0]) if table.rows else len(table.heading)
    heading = table.heading or ("",) * columns
    rule = ["---" if column < table.text_columns else "--:" for column in range(columns)]
    rows = [[escape(cell) for cell in heading], rule, *([_cell(cell) for cell in row] for row in table.rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cell(text: str) -> str:
    return f"`{text}`" if is_hash(text) else escape(text)


def escape(text: str) -> str:
    """Plain text for Markdown: it shows as it is, whatever a stranger wrote into it, and stays on one line."""
    line = " ".join(text.split())
    line = "".join(_ENTITIES.get(character, character) for character in line)
    line = _MARKS.sub(lambda found: f"\\{found.group()}", line)
    # What looks like an address would become a link by itself.
    return _ADDRESS.sub(lambda found: f"{found.group(1)}{'&#58;' if found.group(2) == ':' else '&#46;'}", line)


def paragraph(text: str) -> str:
    """Plain text that begins a line: what would begin a heading, a list or a rule is taken as text too."""
    return _START.sub(lambda found: f"{found.group()[:-1]}\\{found.group()[-1]}", escape(text))
