"""How the demo counts: answers held against who was before the camera."""

from __future__ import annotations

import itertools
from typing import Any

from benchmarks.demo.scene import PAUSE_S, VISIT_S, Visit, plan_visits
from benchmarks.demo.score import match_visits, tally

VISITS = [
    Visit(person="anna", known=True, start_s=1.0, end_s=5.0),
    Visit(person="bert", known=True, start_s=7.0, end_s=11.0),
    Visit(person="carl", known=False, start_s=13.0, end_s=17.0),
]


def answer(ended_s: float, outcome: str, person: str | None = None) -> dict[str, Any]:
    return {"ended_s": ended_s, "outcome": outcome, "person": person, "similarity": 0.5, "threshold": 0.4}


def test_each_kind_of_mistake_is_counted_once() -> None:
    answers = [answer(2, "accepted", "anna"), answer(8, "accepted", "anna"), answer(14, "accepted", "bert")]
    counts = tally(match_visits(answers, VISITS, claimed=None))
    assert (counts.attempts, counts.genuine, counts.accepted) == (3, 2, 3)
    # Bert taken for Anna and Carl taken for Bert; nobody who was enrolled was refused.
    assert (counts.false_accepts, counts.false_rejects) == (2, 0)


def test_a_claim_is_genuine_for_its_owner_alone() -> None:
    answers = [answer(2, "rejected"), answer(8, "accepted", "anna"), answer(14, "rejected")]
    counts = tally(match_visits(answers, VISITS, claimed="anna"))
    assert (counts.genuine, counts.impostor) == (1, 2)
    assert (counts.false_accepts, counts.false_rejects, counts.rejected) == (1, 1, 2)


def test_a_visit_without_an_answer_is_a_refusal() -> None:
    attempts = match_visits([], VISITS, claimed=None)
    assert {attempt.outcome for attempt in attempts} == {"no-decision"}
    assert tally(attempts).false_rejects == 2


def test_of_two_answers_the_acceptance_counts() -> None:
    attempts = match_visits([answer(2, "rejected"), answer(4, "accepted", "bert")], VISITS[:1], claimed=None)
    assert attempts[0].false_accept


def test_visits_follow_each_other_with_pauses_and_are_seeded() -> None:
    people = [(f"s{i}", i < 3) for i in range(6)]
    visits = plan_visits(people, seed=4)
    assert sorted((v.person, v.known) for v in visits) == sorted(people)
    for before, after in itertools.pairwise(visits):
        assert after.start_s - before.end_s >= PAUSE_S - 1e-9
        assert abs(before.end_s - before.start_s - VISIT_S) < 1e-9
    assert visits == plan_visits(people, seed=4) != plan_visits(people, seed=5)
