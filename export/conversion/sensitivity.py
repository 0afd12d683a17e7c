"""Which layers an embedding cannot spare: each made int8 alone, and what that costs measured at the end of the tower.

The debugger's error of a layer is relative to its own range, so it does not see a layer whose range is so wide that its
rounding drowns what the next one needs. The embedding does.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from edge_runtime.measures.metrics import unit_rows
from edge_runtime.towers.tower import Embedder
from export.conversion.convert import SavedTower, convert_saved
from export.conversion.layers import LayerError
from export.conversion.recipes import RECIPES
from export.sources.float_tower import FloatTower
from export.sources.keras_file import tower_values

# Enough to rank layers by, and each layer costs a conversion.
_PICTURES = 50


def rank_by_loss(
    saved: SavedTower,
    errors: Sequence[LayerError],
    crops_rgb: npt.NDArray[np.uint8],
    tower: FloatTower,
) -> list[LayerError]:
    """Measure what each layer costs alone.

    Args:
        saved: The tower.
        errors: All its layers.
        crops_rgb: uint8 (n, size, size, 3), RGB, of the representative set.
        tower: The same tower in floating point; it embeds no more of them than are needed.

    Returns:
        The layers with their losses, the dearest first.

    Raises:
        TowerError: TensorFlow cannot convert the tower, or an embedding is zero or not finite.
    """
    crops, values = crops_rgb[:_PICTURES], tower_values(crops_rgb[:_PICTURES], saved.spec)
    wanted = unit_rows(tower.embed(crops))
    measured = []
    for layer in tqdm(errors, desc="layers", unit="layer", disable=not sys.stderr.isatty(), leave=False):
        others = [other.tensor for other in errors if other is not layer]
        flatbuffer = convert_saved(saved, RECIPES["int8-selective"], values, keep_float=others)
        cosines = np.sum(Embedder(flatbuffer, saved.spec).embed(crops) * wanted, axis=1, dtype=np.float64)
        measured.append(replace(layer, loss=float(1 - cosines.mean())))
    return sorted(measured, key=lambda layer: (-(layer.loss or 0.0), layer.tensor))
