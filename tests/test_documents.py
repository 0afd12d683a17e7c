"""Every command and option is in the documentation, and nothing in it names what is not there."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_runtime.commands.cli import build_parser

ROOT = Path(__file__).resolve().parents[1]
PAGES = {path.name: path.read_text(encoding="utf-8") for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]}
TEXT = "\n".join(PAGES.values())


def commands(parser: argparse.ArgumentParser, prefix: str) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Every sub-command with its parser."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, sub in action.choices.items():
                yield f"{prefix} {name}", sub
                yield from commands(sub, f"{prefix} {name}")


def all_commands() -> list[tuple[str, argparse.ArgumentParser]]:
    from export.cli import make_parser as export_parser
    from train.cli import make_parser as train_parser

    parsers = {
        "siamlite": build_parser(),
        "python -m train": train_parser(),
        "python -m export": export_parser(),
    }
    return [item for prefix, parser in parsers.items() for item in commands(parser, prefix)]


@pytest.mark.parametrize(("name", "parser"), all_commands(), ids=lambda value: value if isinstance(value, str) else "")
def test_a_command_and_its_options_are_documented(name: str, parser: argparse.ArgumentParser) -> None:
    assert name in TEXT
    page = PAGES["commands.md"]
    section = page.split(f"## `{name}`", 1)
    assert len(section) == 2, f"docs/commands.md has no section for {name}"
    words = section[1].split("\n## ", 1)[0]
    for action in parser._actions:
        for option in action.option_strings:
            if option.startswith("--") and option not in ("--help", "--json", "--debug"):
                assert f"`{option}" in words, f"{name}: {option} is not documented"


def test_links_between_pages_lead_somewhere() -> None:
    for name, text in PAGES.items():
        folder = ROOT if name == "README.md" else ROOT / "docs"
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
            assert (folder / target).exists(), f"{name} links to {target}"


def test_the_readme_names_the_two_commands_first() -> None:
    head = PAGES["README.md"][:2500]
    assert "make demo" in head
    assert "make test" in head
