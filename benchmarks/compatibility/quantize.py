"""``PYTHON quantize.py SOURCE TARGET RECIPE`` quantizes a float file, in an environment with litert-quantizer."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path


def main(source: str, target: str, recipe: str) -> int:
    """Quantize a file by one of the package's own recipes; returns the exit code."""
    recipes = importlib.import_module("litert_quantizer.recipe")
    quantizer = importlib.import_module("litert_quantizer.quantizer")
    made = quantizer.Quantizer(source, quantization_recipe=getattr(recipes, recipe)()).quantize()
    Path(target).write_bytes(bytes(made.quantized_model))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
