"""The demo's report: one HTML page that carries its pictures inside."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import cv2
import jinja2
import numpy as np

from benchmarks.demo.score import Attempt
from edge_runtime.files import write_bytes
from edge_runtime.images import encode_image, read_image

_TILE_WIDTH = 320


def write_report(path: Path, values: dict[str, Any]) -> Path:
    """Fill the template in and write the page.

    Args:
        path: The file to write.
        values: What the template names; pictures as data URLs.

    Raises:
        WriteError: It cannot be written.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=jinja2.StrictUndefined
    )
    return write_bytes(path, environment.get_template("report.html.j2").render(values).encode())


def data_url(data: bytes, kind: str) -> str:
    """Bytes of a picture as a URL that holds them."""
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def tiles(folder: Path, attempts: list[Attempt]) -> list[dict[str, Any]]:
    """The annotated frames of identification, with what was right.

    Args:
        folder: What ``siamlite identify --annotate`` wrote: one picture for each decision, in order.
        attempts: The identification attempts, one for each visit, in order of the video.
    """
    pictures = sorted(folder.glob("*.jpg"))
    found = []
    for attempt in attempts:
        if attempt.decision is None:
            continue
        picture = read_image(pictures[attempt.decision])
        height = round(picture.shape[0] * _TILE_WIDTH / picture.shape[1])
        small = np.asarray(cv2.resize(picture, (_TILE_WIDTH, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
        wrong = attempt.false_accept or attempt.false_reject
        who = f"{attempt.visitor} ({'enrolled' if attempt.genuine else 'unknown'})"
        said = f"accepted as {attempt.person}" if attempt.accepted else attempt.outcome
        caption = f"{who}: {said}{' – wrong' if wrong else ''}"
        found.append({"image": data_url(encode_image(small, ".jpg"), "jpeg"), "caption": caption, "wrong": wrong})
    return found
