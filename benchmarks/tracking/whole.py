"""Whole frames, from picture to decision, with the tracker and without it, in one alternating run."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.tracking.clips import Clip
from edge_runtime.decisions.policy import DecisionPolicy
from edge_runtime.decisions.session import Step
from edge_runtime.decisions.verifier import Verifier
from edge_runtime.faces.cut import scene_change, thumbnail
from edge_runtime.faces.finder import FaceFinder
from edge_runtime.faces.tracker import TrackPolicy
from edge_runtime.gallery.keys import Access, make_key_file
from edge_runtime.gallery.store import Gallery, Template
from edge_runtime.sources.camera import Frame
from edge_runtime.towers.tower import Tower

DETECT_EVERY = {"in every frame": 1, "every 10th": 10, "every 30th": 30}


def measure_whole(
    tower: Tower, finder: FaceFinder, clips: list[Clip], *, frames_per_s: float, rounds: int
) -> list[dict[str, Any]]:
    """Show every clip to a verifier of the person in it, with each tracker policy in turn.

    Returns:
        For each policy the median, mean and p95 of a whole frame (without grabbing), the shares of frames that were
        detected and embedded, and how many visits were accepted and how many decisions fell.
    """
    found: dict[str, list[list[Step]]] = {name: [] for name in DETECT_EVERY}
    with (
        tempfile.TemporaryDirectory() as folder,
        Gallery.open(
            Path(folder) / "g.db", tower, create=True, access=Access(key_file=make_key_file(Path(folder) / "g.key"))
        ) as gallery,
    ):
        for at, clip in enumerate(clips):
            crop = next(items[0].crop_rgb for frame in clip.frames if (items := finder.find(frame)))
            template = Template(embedding=tower.embed_one(crop), sharpness=50.0, interocular_px=40.0)
            gallery.enrol(f"person {at}", [template])
        for _ in range(rounds):
            for at, clip in enumerate(clips):
                for name, every in DETECT_EVERY.items():
                    verifier = Verifier(
                        tower, gallery, finder, claimed=f"person {at}", threshold=0.5,
                        policy=DecisionPolicy(), tracking=TrackPolicy(detect_every=every),
                    )  # fmt: skip
                    found[name].append(list(verifier.steps(_stream(clip, frames_per_s))))
    return [_summary(name, steps) for name, steps in found.items()]


def _stream(clip: Clip, frames_per_s: float) -> list[Frame]:
    return [
        Frame(image_rgb=image, index=i, time_s=i / frames_per_s, name="clip") for i, image in enumerate(clip.frames)
    ]


def _summary(name: str, visits: list[list[Step]]) -> dict[str, Any]:
    steps = [step for visit in visits for step in visit if step.seen.latency_ms]
    whole = [sum(ms for stage, ms in step.seen.latency_ms.items() if stage != "grab") for step in steps]
    follow = [step.seen.latency_ms["follow"] for step in steps]
    decisions = [decision for visit in visits for step in visit for decision in step.decisions]
    return {
        "detected": name,
        "median_ms": round(float(np.median(whole)), 3),
        "mean_ms": round(float(np.mean(whole)), 3),
        "p95_ms": round(float(np.percentile(whole, 95)), 3),
        "follow_ms": round(float(np.median(follow)), 3),
        "frames": len(steps),
        "share_detected": round(sum("detect" in step.seen.latency_ms for step in steps) / len(steps), 3),
        "share_embedded": round(sum("embed" in step.seen.latency_ms for step in steps) / len(steps), 3),
        "visits": len(visits),
        "accepted": sum(decision.accepted for decision in decisions),
        "decisions": len(decisions),
    }


def scene_changes(clips: list[Clip]) -> list[float]:
    """For each pair of frames of a moving face, by how many grey levels the scene around it changed."""
    changes = []
    for clip in clips:
        small = [thumbnail(frame) for frame in clip.frames]
        for at, face in enumerate(clip.faces[:-1]):
            if face is not None:
                changes.append(scene_change(small[at], small[at + 1], [face.box_px], clip.frames[at].shape))
    return changes
