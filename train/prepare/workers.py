"""Photographs through several processes, each with a detector of its own; none outlives the one that started it."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from multiprocessing.connection import wait
from typing import Any

import cv2

from edge_runtime.errors import SiamliteError
from edge_runtime.faces.align import AlignmentTemplate, template_values
from edge_runtime.faces.finder import FaceFinder
from edge_runtime.faces.quality import QualityLimits
from train.prepare.cut import Job, Record, cut_out

# A worker takes about a second to start: for fewer photographs than these it is not worth its while.
_LEAST_EACH = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class FinderSettings:
    """What a process needs to build a face finder like another one, in the user's own models folder.

    Attributes:
        size_px: Side of the crops.
        template: Their alignment template.
        limits: What a face must reach.
        detector: Name of the detector.
        min_score: Faces that the detector is less sure of are left out.
    """

    size_px: int
    template: AlignmentTemplate
    limits: QualityLimits
    detector: str
    min_score: float

    @classmethod
    def of(cls, finder: FaceFinder) -> FinderSettings:
        """The settings of a face finder."""
        return cls(
            size_px=finder.size_px,
            template=finder.template,
            limits=finder.limits,
            detector=finder.detector.name,
            min_score=finder.detector.min_score,
        )

    def as_mapping(self) -> dict[str, Any]:
        """The values as JSON gives them back."""
        return {
            "size_px": self.size_px,
            "template": template_values(self.template),
            "limits": asdict(self.limits),
            "detector": self.detector,
            "min_score": self.min_score,
        }


def available_cores() -> int:
    """Number of processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_jobs(jobs: list[Job], finder: FaceFinder, processes: int) -> Iterator[Record]:
    """Cut the faces out of photographs.

    Args:
        jobs: The photographs.
        finder: The face finder; with several processes each builds one with the same settings.
        processes: How many processes at most; with one the work is done in this one.

    Yields:
        The record of each photograph, in the order of the jobs.

    Raises:
        WriteError: A face cannot be written.
        SiamliteError: A process was ended from outside, or crashed.
    """
    count = min(processes, len(jobs) // _LEAST_EACH)
    if count < 2:
        for job in jobs:
            yield cut_out(job, finder)
        return
    pool = spawned_pool(count)
    try:
        yield from _in_order(pool, jobs, FinderSettings.of(finder), ahead=4 * count)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def spawned_pool(count: int) -> ProcessPoolExecutor:
    """Processes that end with this one and leave Ctrl-C to it.

    Spawned, not forked: a copy of a process in which TensorFlow or OpenCV has threads may hang.
    """
    return ProcessPoolExecutor(
        count, mp_context=multiprocessing.get_context("spawn"), initializer=start_worker, initargs=(os.getpid(),)
    )


def _in_order(pool: ProcessPoolExecutor, jobs: Iterable[Job], settings: FinderSettings, ahead: int) -> Iterator[Record]:
    waiting: deque[tuple[Job, Future[Record]]] = deque()
    try:
        for job in jobs:
            with ctrl_c_held_back():
                waiting.append((job, pool.submit(_work, job, settings)))
            if len(waiting) >= ahead:
                yield waiting.popleft()[1].result()
        while waiting:
            yield waiting.popleft()[1].result()
    except BrokenProcessPool as error:
        near = waiting[0][0].picture if waiting else "the last photograph"
        raise SiamliteError(
            f"a worker process was ended, near {near}: by hand, for want of memory, or by a crash. What is finished is "
            "kept: the same command goes on from there; --jobs 1 needs the least memory."
        ) from error


@contextlib.contextmanager
def ctrl_c_held_back() -> Iterator[None]:
    """Start processes that never see Ctrl-C: the first one tells them to stop, and they have nothing to say about it.

    The mask of blocked signals is inherited; what arrives here in the meantime is delivered afterwards.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_finders: dict[FinderSettings, FaceFinder] = {}


def start_worker(parent: int) -> None:
    """Use one core, and end when the process that started this one is gone, even by ``kill -9``."""
    cv2.setNumThreads(1)
    process = multiprocessing.parent_process()
    if process is None or os.getppid() != parent:
        os._exit(1)
    threading.Thread(target=_end_with, args=(process.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)


def _work(job: Job, settings: FinderSettings) -> Record:
    """In a worker: one photograph. The finder is built with the first."""
    finder = _finders.get(settings)
    if finder is None:
        finder = _finders[settings] = FaceFinder(
            size_px=settings.size_px,
            template=settings.template,
            limits=settings.limits,
            detector=settings.detector,
            min_score=settings.min_score,
            threads=1,
        )
    return cut_out(job, finder)
