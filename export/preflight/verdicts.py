"""Which interpreters take a TFLite file, and compute in it what it says: looked up, nothing is run.

An interpreter refuses a file for an operator whose version it does not know. It can also take one and give garbage,
when its kernel is older than what the types ask for. Both were measured, operator by operator
(:mod:`export.preflight.table`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from edge_runtime.errors import CheckFailed, UsageError
from edge_runtime.towers.interpreter import Backend
from export.preflight import edge_tpu
from export.preflight.operators import Operator, read_operators
from export.preflight.signatures import signature
from export.preflight.table import Runtime, read_table

Outcome = Literal["runs", "refused", "wrong", "unproven"]
EDGE_TPU = "edge-tpu"
TARGETS = ("ai-edge-litert-2", "ai-edge-litert-1.4", "tflite-runtime-2.14", EDGE_TPU)

_WORST_FIRST: tuple[Outcome, ...] = ("refused", "wrong", "unproven", "runs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is to be expected of a file in one interpreter.

    Attributes:
        runtime: One of :data:`TARGETS`.
        outcome: ``"runs"``: each of its operators has run there with these types and gave what floating point gives;
            ``"refused"``: it will not load or run; ``"wrong"``: it will run and give garbage without an error;
            ``"unproven"``: nobody has run an operator with these types there.
        operator: The operator that decides; empty where the whole file runs.
        layer: The layer that it is in.
        reason: What was seen.
        remedy: What to do; empty where nothing need be done.
    """

    runtime: str
    outcome: Outcome
    operator: str
    layer: str
    reason: str
    remedy: str


def examine(flatbuffer: bytes) -> tuple[Verdict, ...]:
    """Look a file's operators up.

    Args:
        flatbuffer: The model; a tower file will do.

    Returns:
        One verdict for each of :data:`TARGETS`, in that order: the worst that any operator gives.

    Raises:
        DataError: The table is damaged.
        TowerError: It is no whole TFLite model.
    """
    operators = read_operators(flatbuffer)
    if not operators:
        return tuple(_nothing_inside(name) for name in TARGETS)
    table = read_table()
    return tuple(
        _worst(_edge_tpu_verdicts(operators) if name == EDGE_TPU else _verdicts(operators, table[name]))
        for name in TARGETS
    )


def refuse_unfit(flatbuffer: bytes, targets: Sequence[str], *, run_in: Sequence[str] = ()) -> tuple[Verdict, ...]:
    """Refuse a file that a wanted interpreter cannot run, or that nobody has ever run there.

    Args:
        flatbuffer: The model.
        targets: The interpreters that it must run in, of :data:`TARGETS`.
        run_in: Those of them in which the caller itself runs the file and measures what comes out, so that nothing need
            be proven beforehand (see :func:`target_of`).

    Returns:
        The verdicts on the targets.

    Raises:
        CheckFailed: One of them cannot run it, or is unproven; for the Edge TPU, which nobody can run here, an unproven
            file passes.
        UsageError: There is no such target.
    """
    refuse_unknown(targets)
    found = [verdict for verdict in examine(flatbuffer) if verdict.runtime in targets]
    for verdict in found:
        if verdict.outcome in ("refused", "wrong"):
            raise CheckFailed(sentence(verdict))
        if verdict.outcome == "unproven" and verdict.runtime not in (EDGE_TPU, *run_in):
            raise CheckFailed(sentence(verdict))
    return tuple(found)


def refuse_unknown(targets: Sequence[str]) -> None:
    """Refuse names that are no targets.

    Raises:
        UsageError: One of them is not.
    """
    for name in targets:
        if name not in TARGETS:
            raise UsageError(f"there is no target {name!r}; known are {', '.join(TARGETS)}.")


def refuse_everywhere(verdicts: Sequence[Verdict]) -> None:
    """Refuse a file that no interpreter can run to any purpose.

    Raises:
        CheckFailed: Each of them refuses it or would give garbage.
    """
    interpreters = [verdict for verdict in verdicts if verdict.runtime != EDGE_TPU]
    if all(verdict.outcome in ("refused", "wrong") for verdict in interpreters):
        raise CheckFailed(f"no interpreter can use this file. {sentence(interpreters[0])}")


def target_of(backend: Backend) -> str | None:
    """What an installed interpreter is called here; None where it is of no measured version."""
    release = ".".join(backend.version.split(".")[:2])
    named = {
        "ai-edge-litert": "ai-edge-litert-2" if release.startswith("2.") else f"ai-edge-litert-{release}",
        "tflite-runtime": f"tflite-runtime-{release}",
    }.get(backend.distribution)
    return named if named in TARGETS else None


def sentence(verdict: Verdict) -> str:
    """A verdict that something must be done about, in a line."""
    where = f" (layer {verdict.layer})" if verdict.layer else ""
    does = {
        "refused": "does not run this file",
        "wrong": "would run this file and give garbage",
        "unproven": "is not known to run this file",
        "runs": "runs this file",
    }[verdict.outcome]
    return f"{verdict.runtime} {does}: {verdict.reason}{where}. {verdict.remedy}".rstrip()


def _worst(verdicts: Iterator[Verdict]) -> Verdict:
    return min(verdicts, key=lambda verdict: _WORST_FIRST.index(verdict.outcome))


def _nothing_inside(name: str) -> Verdict:
    return Verdict(
        runtime=name,
        outcome="refused",
        operator="",
        layer="",
        reason="it has no operators: it computes nothing",
        remedy="Export the tower again: python -m export convert",
    )


def _verdicts(operators: Sequence[Operator], runtime: Runtime) -> Iterator[Verdict]:
    filled = any(operator.name == "ASSIGN_VARIABLE" for operator in operators)
    for operator in operators:
        outcome, reason = _judge(operator, runtime)
        if operator.name == "READ_VARIABLE" and not filled:
            outcome, reason = "wrong", "it reads weights that are not in the file: it gives NaN, or what is in memory"
        if outcome != "runs":
            yield Verdict(
                runtime=runtime.name,
                outcome=outcome,
                operator=operator.name,
                layer=operator.layer,
                reason=reason,
                remedy=_remedy(operator, outcome),
            )
    yield Verdict(
        runtime=runtime.name,
        outcome="runs",
        operator="",
        layer="",
        reason=f"every operator was run in {runtime.interpreter} with these types",
        remedy="",
    )


def _judge(operator: Operator, runtime: Runtime) -> tuple[Outcome, str]:
    lowest, highest = runtime.versions.get(operator.name, (0, 0))
    if highest == 0:
        return "refused", f"{runtime.interpreter} has no operator {operator.name}"
    if not lowest <= operator.version <= highest:
        known = f"up to {highest}" if operator.version > highest else f"from {lowest}"
        return "refused", f"{operator.name} version {operator.version}, and {runtime.interpreter} knows {known}"
    words = signature(operator)
    if words in runtime.wrong:
        return "wrong", f"{words} gave cosine {runtime.wrong[words]:.2f} to floating point in {runtime.interpreter}"
    if words in runtime.refused:
        return "refused", f"{runtime.interpreter} did not run {words}: {runtime.refused[words]}"
    if words in runtime.runs:
        return "runs", ""
    return "unproven", f"{words} was never run in {runtime.interpreter}"


def _remedy(operator: Operator, outcome: Outcome) -> str:
    if operator.name.startswith("CUSTOM "):
        return "Convert it with built-in operators alone, as python -m export convert does."
    if operator.name == "READ_VARIABLE":
        return "Convert from model.export(…), not from tf.saved_model.save(…), as python -m export convert does."
    if outcome == "unproven":
        return "Run it there once: python -m export preflight FILE --runtime-python ENV/bin/python"
    if _is_hybrid(operator):
        return "Export with --recipe int8; models with int8 weights and float activations are for ai-edge-litert alone."
    return "Export with --recipe int8 or float32, or take a newer ai-edge-litert."


def _is_hybrid(operator: Operator) -> bool:
    """Whether integer weights meet float activations: what a dynamic-range model is made of."""
    weights = operator.weights
    return weights is not None and weights.type.startswith("INT") and "FLOAT32" in {t.type for t in operator.outputs}


def _edge_tpu_verdicts(operators: Sequence[Operator]) -> Iterator[Verdict]:
    for operator in operators:
        if reason := edge_tpu.objection(operator):
            yield Verdict(
                runtime=EDGE_TPU,
                outcome="refused",
                operator=operator.name,
                layer=operator.layer,
                reason=reason,
                remedy="Export with --recipe int8, and build the tower of convolutions, dense layers and ReLU.",
            )
    yield Verdict(
        runtime=EDGE_TPU,
        outcome="unproven",
        operator="",
        layer="",
        reason="by Google's list it should compile; not run",
        remedy="Compile it with edgetpu_compiler and read its log.",
    )
