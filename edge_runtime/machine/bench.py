"""How long each stage takes on this machine, with this tower, and how the machine was doing meanwhile."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np

import edge_runtime
from edge_runtime.errors import UsageError
from edge_runtime.faces.finder import FaceFinder
from edge_runtime.images import Image
from edge_runtime.machine.cold_start import cold_starts
from edge_runtime.machine.device import OtherWork, device_name
from edge_runtime.machine.power import PowerMeter
from edge_runtime.machine.stages import STAGES, WHOLE, Course, Times, percentiles, strangers, time_frames
from edge_runtime.machine.state import machine_state
from edge_runtime.sources.camera import Frame
from edge_runtime.towers.tower import Tower


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchPlan:
    """What is measured.

    Attributes:
        frames: Frames that are timed.
        people: Size of the gallery that is matched against, five templates each.
        max_threads: The stages that compute are timed with 1 to so many threads as well; with none if 1.
        cold_starts: Processes that are started from nothing.
    """

    frames: int = 200
    people: int = 100
    max_threads: int = 1
    cold_starts: int = 5

    def __post_init__(self) -> None:
        """Refuse what cannot be measured."""
        limits = {"frames": (1, 100_000), "people": (1, 100_000), "max_threads": (1, 64), "cold_starts": (0, 100)}
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if not isinstance(value, int) or not low <= value <= high:
                raise UsageError(f"{name.replace('_', ' ')} must be from {low} to {high}, not {value!r}.")


def measure(
    load: Callable[[int], tuple[Tower, FaceFinder]],
    frames: Iterator[Frame],
    plan: BenchPlan,
    *,
    source: str,
    threads: int = 1,
    words: list[str] | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Measure a machine.

    Args:
        load: Gives a tower and a face finder that compute with a number of threads.
        frames: Frames without end.
        plan: What is measured.
        source: What the frames are called.
        threads: Threads that the stages are timed with.
        words: Options of ``siamlite identify`` that load the same tower in another process, for the cold starts.
        progress: Told what is being done.

    Returns:
        Plain values for JSON: ``device``, ``tower``, ``frames``, ``stages``, ``tracker``, ``frames_per_s``,
        ``threads``, ``cold_start``, ``before``, ``after``, ``power`` (None where the board does not tell) and
        ``other_work_cores``.
    """
    before, work = machine_state(), OtherWork()
    progress("loading the tower")
    tower, finder = load(threads)
    first = next(frames)
    progress(f"timing {plan.frames} frames")
    enrolled = strangers(plan.people, tower.embedding_length)
    courses = {n: Course(tower, finder, enrolled, tracking=bool(n)) for n in (0, 1)}
    with PowerMeter() as meter:
        times, tracked = time_frames(courses, frames, plan.frames).values()
    progress("timing threads")
    by_threads = _thread_times(load, frames, plan, enrolled) if plan.max_threads > 1 else {}
    progress("starting processes")
    cold = cold_starts(tower, first.image_rgb, words or [], runs=plan.cold_starts)
    return {
        "device": _device(),
        "tower": _tower(tower, finder, threads, plan.people),
        "frames": _frames(first.image_rgb, times, source),
        "stages": {name: percentiles(times.stages[name]) for name in (*STAGES, WHOLE) if name in times.stages},
        "tracker": _tracker(tracked),
        "frames_per_s": round(times.frames / times.elapsed_s, 1),
        "tracked_frames_per_s": round(tracked.frames / tracked.elapsed_s, 1),
        "threads": {str(n): _shares(timed) for n, timed in by_threads.items()},
        "cold_start": cold,
        "before": asdict(before),
        "after": asdict(machine_state()),
        "power": meter.as_mapping(),
        "other_work_cores": work.busy_cores(),
    }


def _thread_times(
    load: Callable[[int], tuple[Tower, FaceFinder]], frames: Iterator[Frame], plan: BenchPlan, enrolled: Any
) -> dict[int, Times]:
    courses = {n: Course(*load(n), enrolled) for n in range(1, plan.max_threads + 1)}
    return time_frames(courses, frames, max(1, plan.frames // 2))


def _shares(times: Times) -> dict[str, dict[str, float]]:
    return {name: percentiles(times.stages[name]) for name in ("detect", "embed", WHOLE) if name in times.stages}


def _tracker(times: Times) -> dict[str, Any]:
    """What a frame costs where faces are followed, and in which share of the frames what was done."""
    done = {stage: round(len(times.stages.get(stage, [])) / times.frames, 3) for stage in ("detect", "embed")}
    return {WHOLE: percentiles(times.stages[WHOLE]), "detected": done["detect"], "embedded": done["embed"]}


def _frames(image_rgb: Image, times: Times, source: str) -> dict[str, Any]:
    height, width = image_rgb.shape[:2]
    return {"source": source, "width": width, "height": height, "timed": times.frames, "with_face": times.with_face}


def _tower(tower: Tower, finder: FaceFinder, threads: int, people: int) -> dict[str, Any]:
    return {
        "name": tower.card.name,
        "recipe": tower.card.recipe,
        "interpreter": tower.runtime,
        "detector": finder.detector.name,
        "threads": threads,
        "people": people,
        "load_ms": round(tower.load_ms, 1),
    }


def _device() -> dict[str, str]:
    return {
        "name": device_name(),
        "machine": platform.machine(),
        "system": f"{platform.system()} {platform.release()}",
        "siamlite": edge_runtime.__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "opencv": cv2.__version__,
    }
