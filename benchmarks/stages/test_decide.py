"""The evidence of five frames to one verdict."""

from __future__ import annotations

import numpy as np

from benchmarks.suite.rounds import Timed
from edge_runtime.decisions.fuse import Verdict, judge
from edge_runtime.decisions.policy import DecisionPolicy


def test_decide(timed: Timed, rng: np.random.Generator) -> None:
    """Similarities to 100 people in five frames, fused and compared once."""
    rows = list(rng.uniform(-0.2, 0.2, (5, 100)).astype(np.float32))
    names, policy = [f"person {number}" for number in range(100)], DecisionPolicy()

    def run() -> Verdict:
        return judge(rows, [0.9] * 5, names, 0.5, policy)

    assert not timed(run, what="the evidence of five frames on 100 people to a verdict").accepted
