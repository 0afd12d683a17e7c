"""What exporting commands print."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_runtime.commands.console import emit, say

if TYPE_CHECKING:
    from export.conversion.layers import LayerError
    from export.gate.attempt import Watcher
    from export.gate.result import GateResult
    from export.gate.study import StudyRow
    from export.pipeline import Exported

# So many layers are told of a gate that failed; all of them with --layers.
_WORST = 8


class Story:
    """Tells what an export finds, as it is found in words, or at the end as JSON.

    Attributes:
        as_json: Which of the two.
        remedy: What is advised where the tower hardly tells people apart.
    """

    def __init__(self, *, as_json: bool, all_layers: bool, remedy: str = "Train it on more people.") -> None:
        self.as_json = as_json
        self.remedy = remedy
        self._all_layers = all_layers
        self._gates: list[GateResult] = []
        self._layers: Sequence[LayerError] = ()
        self._study: Sequence[StudyRow] = ()

    def watcher(self) -> Watcher:
        """Who is to be told."""
        from export.gate.attempt import Watcher

        return Watcher(gate=self._gate, layers=self._tell_layers, study=self._tell_study)

    def _gate(self, result: GateResult) -> None:
        from export.gate.tables import gate_table

        self._gates.append(result)
        if not self.as_json:
            print(gate_table(result), end="\n\n", flush=True)

    def _tell_layers(self, errors: Sequence[LayerError]) -> None:
        from export.gate.tables import layers_table

        self._layers = errors
        if not self.as_json:
            print(layers_table(errors, most=None if self._all_layers else _WORST), end="\n\n", flush=True)

    def _tell_study(self, rows: Sequence[StudyRow], written: Sequence[Path]) -> None:
        from export.gate.study import study_table

        self._study = rows
        if not self.as_json:
            print(study_table(rows), end="\n\n", flush=True)
        say("\n".join(f"wrote {path}" for path in written))

    def refused(self) -> None:
        """The export failed: say what had been found by then."""
        if self.as_json and self._gates:
            emit(self._found() | {"path": None})

    def written(self, exported: Exported) -> None:
        """The export succeeded: say what was written."""
        if self.as_json:
            emit(self._found() | _exported_values(exported))
        else:
            _tell_exported(exported, self.remedy)

    def _found(self) -> dict[str, Any]:
        from export.gate.tables import gate_json

        values: dict[str, Any] = {"gate": gate_json(self._gates[-1])}
        if self._layers:
            values["layers"] = [asdict(layer) for layer in self._layers]
        if self._study:
            values["study"] = [asdict(row) for row in self._study]
        return values


def _exported_values(exported: Exported) -> dict[str, Any]:
    return {
        "thresholds": [asdict(point) for point in exported.thresholds],
        "default_fmr": exported.tower.card.default_fmr,
        "fingerprint": exported.tower.fingerprint,
        "kept_float": list(exported.kept_float),
        "path": str(exported.tower.path),
        "bytes": exported.size_bytes,
    }


def _tell_exported(exported: Exported, remedy: str) -> None:
    from export.gate.tables import thresholds_table

    path, default = exported.tower.path, exported.result.target_fmr
    print(thresholds_table(exported.thresholds, default_fmr=default))
    if exported.kept_float:
        print(f"\nin float: {', '.join(exported.kept_float)}")
    print(f"\nwrote {path} ({exported.size_bytes / 1024:.0f} KiB)")
    print(f"next: siamlite enroll NAME --tower {shlex.quote(str(path))} --source 0")
    rejected = exported.tower.card.operating_point().fnmr
    if rejected > 0.5:
        say(
            f"warning: at this threshold {100 * rejected:.0f} % of genuine pairs are rejected: the tower hardly tells "
            f"people apart. {remedy}"
        )
