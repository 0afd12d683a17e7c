"""Which colour order, range and alignment a foreign model was trained with, when nobody says: all of them, tried."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from edge_runtime.commands.console import table
from edge_runtime.errors import CheckFailed, TowerError
from edge_runtime.faces.align import TEMPLATES, AlignmentTemplate
from edge_runtime.measures.metrics import equal_error_rate, pair_scores, roc_auc
from edge_runtime.people import read_faces_mark
from edge_runtime.towers.preprocess import InputSpec
from export.adoption.adopt import AS_IT_CAME
from export.adoption.given import RANGES, GivenInput, colours_of, find_template
from export.adoption.model import ForeignFile, ForeignModel
from export.adoption.opening import open_foreign
from export.gate.judge import check_pairs, refuse_degenerate
from export.pictures.crops import CropReader, list_files, load_crops
from export.pictures.evaluation import not_too_many
from export.runtimes.runner import LocalRunner

DEFAULT_PICTURES = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeRow:
    """One way to feed a model, and how well it then tells people apart.

    Attributes:
        colour: Colour order.
        range_name: Name of the range in :data:`export.adoption.given.RANGES`.
        template: Name of the alignment template.
        eer: Equal error rate, 0 to 1; None where the embeddings are good for nothing.
        auc: Area under the ROC curve; None likewise.
    """

    colour: str
    range_name: str
    template: str
    eer: float | None
    auc: float | None


def probe(
    source: ForeignFile,
    folder: Path,
    *,
    size_px: int | None = None,
    align: str | None = None,
    aligned: bool = False,
    pictures: int = DEFAULT_PICTURES,
    seed: int = 0,
    family: str | None = None,
) -> list[ProbeRow]:
    """Embed the same people in every way that the model could have been meant, and measure each.

    Args:
        source: The model.
        folder: Folder of people: photographs, or prepared faces.
        size_px: Side of its input, where the model does not fix it.
        align: The template to keep to; all known ones are tried on photographs if None.
        aligned: Whether the pictures are crops that were aligned before.
        pictures: So many are used, spread over all people.
        seed: Chooses them.
        family: Interpreter for TFLite files.

    Returns:
        The best first.

    Raises:
        CheckFailed: There are too few pairs to tell anything.
        DataError: The file or the folder cannot be used.
        TowerError: The model cannot be trusted, or is no tower.
        UsageError: An option does not fit the model.
    """
    model = open_foreign(source, family=family)
    size = GivenInput(size_px=size_px).spec(size_px=model.size_px, channels=model.channels).size_px
    files = not_too_many(list_files(folder), seed=seed, most=pictures)
    rows: list[ProbeRow] = []
    for template in _templates(folder, align, aligned=aligned):
        reader = CropReader(folder, size_px=size, template=template, aligned=aligned)
        crops = load_crops(reader, files, what=template.name)
        check_pairs(crops.labels, AS_IT_CAME.limits, target_fmr=0.5)
        rows += _try_inputs(model, size, template, crops.crops_rgb, crops.labels, family)
    return sorted(rows, key=lambda row: (row.eer is None, row.eer or 0.0, -(row.auc or 0.0)))


def _templates(folder: Path, align: str | None, *, aligned: bool) -> list[AlignmentTemplate]:
    if align is None and not aligned and read_faces_mark(folder) is None:
        return list(TEMPLATES.values())
    return [find_template(align)]


def _try_inputs(
    model: ForeignModel,
    size_px: int,
    template: AlignmentTemplate,
    crops_rgb: npt.NDArray[np.uint8],
    labels: npt.NDArray[np.int64],
    family: str | None,
) -> list[ProbeRow]:
    rows = []
    ways = [(colour, name) for colour in colours_of(model.channels) for name in RANGES]
    for colour, name in tqdm(ways, desc=template.name, disable=not sys.stderr.isatty(), leave=False):
        scale, offset = RANGES[name]
        spec = InputSpec(size_px=size_px, colour=colour, scale=scale, offset=offset)
        eer, auc = _separation(model, spec, crops_rgb, labels, family)
        rows.append(ProbeRow(colour=colour, range_name=name, template=template.name, eer=eer, auc=auc))
    return rows


def _separation(
    model: ForeignModel,
    spec: InputSpec,
    crops_rgb: npt.NDArray[np.uint8],
    labels: npt.NDArray[np.int64],
    family: str | None,
) -> tuple[float | None, float | None]:
    try:
        embeddings = model.embed(spec, crops_rgb, LocalRunner(family=family))
        refuse_degenerate(embeddings, "model", "")
    except (CheckFailed, TowerError):
        return None, None
    scores = pair_scores(embeddings, labels)
    return equal_error_rate(scores)[0], roc_auc(scores)


def probe_table(rows: Sequence[ProbeRow]) -> str:
    """The rows as an aligned table."""
    lines = [["--colour", "--range", "--align", "EER", "AUC"]]
    for row in rows:
        eer = "useless" if row.eer is None else f"{100 * row.eer:.1f} %"
        lines.append([row.colour, row.range_name, row.template, eer, "" if row.auc is None else f"{row.auc:.4f}"])
    return table(lines)
