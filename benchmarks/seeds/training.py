"""One training of a comparison: by the trainer that users have, timed, and not done twice."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edge_runtime.commands.console import say
from edge_runtime.files import read_json, write_json
from train.config import Config
from train.recipe import config_to_mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A finished training.

    Attributes:
        run: The run folder.
        seconds: Time spent in epochs, with the measurements after each; the whole time where there are no epochs.
        cpu_seconds: Processor time of the whole training on all cores; other work on the machine does not add to it.
        pictures: Number of pictures that the tower was shown, repetitions counted.
        parameters: Weights of the tower.
        macs: Multiply-accumulates of one picture.
    """

    run: Path
    seconds: float
    cpu_seconds: float
    pictures: int
    parameters: int
    macs: int

    def as_mapping(self) -> dict[str, Any]:
        """The values as JSON holds them, without the folder."""
        return {key: value for key, value in asdict(self).items() if key != "run"}


def train(data: str | Path, out: Path, config: Config, *, force: bool = False) -> Trained:
    """Train, or take what an earlier call with the same configuration left.

    Args:
        data: A source of pictures.
        out: The run folder; a file of the same name and ``.json`` is put beside it.
        config: The configuration.
        force: Train in any case.

    Raises:
        SiamliteError: It cannot be trained.
    """
    kept = out.with_name(f"{out.name}.json")
    # A run folder depends on its teacher by what is in the file, not by where it lies.
    wanted = json.loads(json.dumps(config_to_mapping(config)))
    if not force and kept.is_file() and (held := read_json(kept, what="a training"))["config"] == wanted:
        say(f"{out.name}: trained already")
        return Trained(run=out, **held["trained"])
    from train.fitting.fit import fit
    from train.keras_quietly import keras, load_keras

    say(f"{out.name}: training …")
    kept.unlink(missing_ok=True)
    keras.backend.clear_session()
    began, began_s = time.process_time(), time.perf_counter()
    fitted = fit(data, out, config, force=True)
    cpu_seconds = time.process_time() - began
    if fitted is None:
        raise RuntimeError("a comparison is not trained on several machines")
    trained = Trained(
        run=out,
        seconds=fitted.seconds if fitted.epochs else time.perf_counter() - began_s,
        cpu_seconds=cpu_seconds,
        pictures=config.batch.people * config.batch.pictures * config.schedule.steps_per_epoch * fitted.epochs,
        parameters=int(load_keras(fitted.run.tower).count_params()),
        macs=fitted.macs,
    )
    write_json(kept, {"config": wanted, "trained": trained.as_mapping()})
    say(f"{out.name}: {trained.seconds:.0f} s")
    return trained
