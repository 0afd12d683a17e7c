"""What the harnesses of several parts share: a part loaded when it is asked for, and a page made from a template."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import jinja2


def load_later(package: str, name: str) -> Callable[[argparse.Namespace], int]:
    """The part's ``main``, loaded when it is called: TensorFlow is heavy, and --help should not need it."""

    def run(arguments: argparse.Namespace) -> int:
        code: int = import_module(f"{package}.{name}").main(arguments)
        return code

    return run


def render_page(folder: Path, values: dict[str, Any]) -> str:
    """Fill in ``page.md.j2`` of a folder; a value that the template names and that is missing is an error."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("page.md.j2").render(values)
