"""One comparison from the files to the figures."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.errors import UsageError
from edge_runtime.machine.device import OtherWork, device_name
from edge_runtime.measures.bootstrap import RESAMPLES
from export.comparison.accuracy import at_own_threshold, measure_accuracy, measure_difference
from export.comparison.memory import Memory, measure_memory
from export.comparison.pictures import choose_files, read_shared
from export.comparison.race import Race, dominated, latencies, run_race
from export.comparison.result import Comparison, Entry, Pictures, comparison_notes
from export.comparison.towers import Contender, load_contenders, same_towers
from export.pictures.crops import CropSet
from export.sources.run import read_run

_log = logging.getLogger(__name__)
# All pairs of more pictures than that would not fit into memory at once.
MAX_PICTURES = 3000


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareOptions:
    """What to compare, and how.

    Attributes:
        towers: The tower files.
        data: Folder of people.
        runs: Training runs whose people are left out.
        threads: Threads to compute with, 1 to 64.
        repeats: Timed runs of each tower, at least.
        max_pictures: More pictures than that are drawn from.
        interpreter: Which interpreter; the preferred one that is installed if None.
        seed: Of the order, the draws and the choice of pictures.
    """

    towers: tuple[Path, ...]
    data: Path
    runs: tuple[Path, ...] = ()
    threads: int = 1
    repeats: int = 300
    max_pictures: int = MAX_PICTURES
    interpreter: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse numbers that nothing could be measured with."""
        if not 1 <= self.threads <= 64:
            raise UsageError(f"--threads must be from 1 to 64, not {self.threads}.")
        if not 10 <= self.repeats <= 100_000:
            raise UsageError(f"--repeats must be from 10 to 100000, not {self.repeats}.")
        if not 4 <= self.max_pictures <= MAX_PICTURES:
            raise UsageError(f"--max-pictures must be from 4 to {MAX_PICTURES}, not {self.max_pictures}.")
        if self.seed < 0:
            raise UsageError(f"--seed must be 0 or more, not {self.seed}.")


def compare_towers(options: CompareOptions) -> Comparison:
    """Compare towers on the same pictures in one alternating run.

    Raises:
        UsageError: An option is wrong or a file is missing.
        DataError: The pictures cannot be used, or a tower was trained on them.
        TowerError: A tower must not be used; the message names it.
        MissingDependency: No interpreter is installed.
    """
    contenders = load_contenders(options.towers, threads=options.threads, family=options.interpreter)
    runs = [read_run(folder) for folder in options.runs]
    files, left_out = choose_files(options.data, contenders, runs, limit=options.max_pictures, seed=options.seed)
    sets = read_shared(options.data, contenders, files)
    _log.info("%d pictures of %d people, for every tower", len(sets[0].files), len(sets[0].people))
    others = OtherWork()
    race = run_race(contenders, [held.crops_rgb for held in sets], runs=options.repeats, seed=options.seed)
    busy = others.busy_cores()
    memories = measure_memory(contenders, threads=options.threads, family=options.interpreter, seed=options.seed)
    entries = _entries(contenders, sets[0], race, memories, seed=options.seed)
    eers = [entry.accuracy.eer.value for entry in entries]
    beaten = [(contenders[one].name, contenders[other].name) for one, other in dominated(race.times_ms, eers)]
    pictures = _pictures(options.data, sets[0], left_out)
    backend = contenders[0].tower.backend
    return Comparison(
        device=device_name(),
        busy_cores=busy,
        interpreter=f"{backend.distribution} {backend.version}",
        threads=options.threads,
        resamples=RESAMPLES,
        seed=options.seed,
        pictures=pictures,
        entries=entries,
        beaten=tuple(beaten),
        notes=comparison_notes(
            contenders,
            pictures,
            same=same_towers(contenders),
            runs_known=bool(runs),
            validated=sorted({name for run in runs for name in run.validation} & set(sets[0].people)),
        ),
    )


def _entries(
    contenders: Sequence[Contender], crops: CropSet, race: Race, memories: Sequence[Memory | None], *, seed: int
) -> tuple[Entry, ...]:
    labels = crops.labels
    found = [measure_accuracy(rows, labels, resamples=RESAMPLES, seed=seed) for rows in race.embeddings]
    entries = []
    for number, (one, rows, latency) in enumerate(
        zip(contenders, race.embeddings, latencies(race.times_ms), strict=True)
    ):
        difference = None
        if number:
            first = race.embeddings[0]
            pair = found[0], found[number]
            difference = measure_difference(first, rows, labels, of=pair, resamples=RESAMPLES, seed=seed)
        entries.append(
            Entry(
                contender=one,
                accuracy=found[number],
                difference=difference,
                own=at_own_threshold(one.tower, rows, labels),
                latency=latency,
                memory=memories[number],
            )
        )
    return tuple(entries)


def _pictures(folder: Path, crops: CropSet, left_out: int) -> Pictures:
    labels = crops.labels
    same = int((labels[:, None] == labels[None]).sum()) - len(labels)
    return Pictures(
        folder=str(folder),
        sha256=crops.sha256,
        kind="prepared faces" if crops.prepared else "photographs",
        people=len(crops.people),
        pictures=len(labels),
        skipped=len(crops.skipped),
        left_out=left_out,
        genuine_pairs=same // 2,
        impostor_pairs=(len(labels) * (len(labels) - 1) - same) // 2,
    )
