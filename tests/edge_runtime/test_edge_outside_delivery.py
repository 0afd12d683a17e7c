"""Queues, pauses, what is dropped, and that nobody ever waits for the outside."""

from __future__ import annotations

import dataclasses
import json
import logging
import math
import threading
from collections.abc import Callable, Iterator

import pytest
from edge_helpers import LAW
from hypothesis import given
from hypothesis import strategies as st
from outside_helpers import Place, close, decision, eventually, notice

from edge_runtime.decisions.decide import Decision, Outcome
from edge_runtime.errors import UsageError
from edge_runtime.outside.delivery import Delivery
from edge_runtime.outside.notice import KINDS, Notice, of_camera, of_decision
from edge_runtime.outside.outbox import Outbox
from edge_runtime.outside.policy import DeliveryPolicy

FAST = DeliveryPolicy(retry_first_s=0.01, retry_max_s=0.02)
Deliver = Callable[..., Delivery]


@pytest.fixture
def deliver() -> Iterator[Deliver]:
    made: list[tuple[Place, Delivery]] = []

    def begin(place: Place, **policy: object) -> Delivery:
        delivery = Delivery(place, dataclasses.replace(FAST, **policy), keep_s=0.01)  # type: ignore[arg-type]
        made.append((place, delivery))
        return delivery

    yield begin
    for place, delivery in made:
        place.open.set()
        close(delivery, 5)


def test_notices_arrive_in_order_after_failures(deliver: Deliver) -> None:
    place = Place(fails=3)
    delivery = deliver(place)
    for name in ("anna", "ben", "cleo"):
        delivery.put(notice(name))
    eventually(lambda: delivery.delivered == 3)
    assert place.people == ["anna", "ben", "cleo"]
    assert place.attempts == 6
    assert delivery.dropped == 0


def test_a_refused_notice_is_dropped_and_the_next_one_goes_on(deliver: Deliver) -> None:
    place = Place(fails=1, final=True)
    delivery = deliver(place)
    delivery.put(notice("anna"))
    delivery.put(notice("ben"))
    eventually(lambda: delivery.delivered == 1)
    assert (place.people, place.attempts, delivery.dropped) == (["ben"], 2, 1)


def test_a_full_queue_drops_the_oldest(deliver: Deliver, caplog: pytest.LogCaptureFixture) -> None:
    place = Place()
    place.open.clear()
    delivery = deliver(place, queue=3)
    delivery.put(notice("stuck"))
    eventually(lambda: place.attempts == 1)
    with caplog.at_level(logging.WARNING):
        for number in range(20):
            delivery.put(notice(str(number)))
    place.open.set()
    eventually(lambda: delivery.delivered == 4)
    assert place.people == ["stuck", "17", "18", "19"]
    # The one that was under way had been pushed out as well, and arrived all the same.
    assert delivery.dropped == 18
    assert len([r for r in caplog.records if "are dropped" in r.message]) == 1


def test_what_is_too_old_is_never_delivered(deliver: Deliver) -> None:
    place = Place()
    delivery = deliver(place, max_age_s=60)
    old = notice("old")
    delivery.put(dataclasses.replace(old, made_s=old.made_s - 61))
    delivery.put(notice("new"))
    eventually(lambda: delivery.delivered == 1)
    assert (place.people, delivery.dropped) == (["new"], 1)


def test_an_old_notice_is_not_delivered_when_the_place_comes_back(deliver: Deliver) -> None:
    place = Place(fails=10_000)
    delivery = deliver(place, max_age_s=0.2)
    delivery.put(notice("late"))
    eventually(lambda: delivery.dropped == 1)
    place.fails = 0
    delivery.put(notice("now"))
    eventually(lambda: delivery.delivered == 1)
    assert place.people == ["now"]


def test_a_place_gets_only_what_it_asked_for(deliver: Deliver) -> None:
    place = Place()
    delivery = deliver(place, on=("accepted", "camera"), names=False)
    for outcome in Outcome:
        delivery.put(of_decision(decision(outcome, nearest="ben", claimed="cleo").to_dict()))
    delivery.put(of_camera("camera 0 lost: it was pulled out"))
    eventually(lambda: delivery.delivered == 2)
    assert [one.kind for one in place.got] == ["accepted", "camera"]
    for one in place.got:
        assert not {"person", "nearest", "claimed"} & set(one.values)
        assert not any(name in one.body.decode() for name in ("anna", "ben", "cleo"))


def test_a_connection_is_kept_up_while_there_is_nothing_to_tell(deliver: Deliver) -> None:
    place = Place()
    deliver(place)
    eventually(lambda: place.kept >= 3)


def test_closing_delivers_what_waits_and_closes_the_place_once() -> None:
    place = Place()
    place.open.clear()
    delivery = Delivery(place, FAST)
    for name in ("anna", "ben"):
        delivery.put(notice(name))
    threading.Timer(0.05, place.open.set).start()
    close(delivery, 10)
    assert (place.people, place.closed, delivery.delivered) == (["anna", "ben"], 1, 2)


def test_closing_does_not_wait_for_a_place_that_is_gone() -> None:
    place = Place(fails=10_000)
    delivery = Delivery(place, dataclasses.replace(FAST, retry_first_s=60, retry_max_s=3600))
    delivery.put(notice())
    eventually(lambda: place.attempts == 1)
    close(delivery, 30)
    # One more attempt, without the pause, and no third.
    assert (place.attempts, place.closed, delivery.dropped) == (2, 1, 1)


def test_a_place_that_hangs_holds_up_neither_decisions_nor_the_end() -> None:
    """Nothing is timed: were anybody to wait for it, this test would never end."""
    hanging, well = Place(), Place()
    hanging.open.clear()
    hanging.close = threading.Event().wait  # type: ignore[assignment]
    deliveries = [Delivery(hanging, dataclasses.replace(FAST, queue=10)), Delivery(well, FAST)]
    outbox = Outbox(deliveries)
    for number in range(1000):
        outbox.decision(decision(person=str(number)).to_dict())
        eventually(lambda number=number: deliveries[1].delivered == number + 1)
    outbox.close(0.1)
    assert well.people == [str(number) for number in range(1000)]
    assert hanging.got == []
    assert deliveries[0].delivered == 0
    assert deliveries[0].dropped == 1000


def test_an_outbox_never_raises(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        name = "broken"

        def put(self, notice: Notice) -> None:
            raise RuntimeError("no memory left")

    outbox = Outbox([Broken()])  # type: ignore[list-item]
    outbox.decision({})
    outbox.decision(decision().to_dict())
    outbox.camera("lost")
    assert len([r for r in caplog.records if "could not be told" in r.message]) == 3


def test_a_library_that_raises_what_it_likes_does_not_end_the_thread(deliver: Deliver) -> None:
    place = Place()
    problems = [ValueError("what"), MemoryError(), RuntimeError("no")]

    def send(given: Notice) -> None:
        if problems:
            raise problems.pop()
        place.got.append(given)

    place.send = send  # type: ignore[method-assign]
    delivery = deliver(place)
    delivery.put(notice())
    eventually(lambda: delivery.delivered == 1)
    assert problems == []


def test_nothing_leaves_but_what_is_meant_to() -> None:
    secret = {**decision().to_dict(), "embedding": [0.1] * 128, "crop": b"x", "templates": {"anna": 1.0}}
    assert set(of_decision(secret).values) - {"id", "at", "event_type"} == set(decision().to_dict())
    # A list in the place of a number does not pass either.
    assert of_decision({**secret, "quality": [0.1] * 128, "similarity": [0.5]}).values["quality"] == "list"
    assert of_decision({**secret, "quality": {"sharpness": [1.0], "size": 3.0}}).values["quality"] == {"size": 3.0}


def test_every_field_of_a_decision_is_told() -> None:
    one = decision(quality={"sharpness": 9.0}, latency_ms={"embed": 2.0}, margin=0.1, track=3)
    told = json.loads(of_decision(one.to_dict()).body)
    assert {name: told[name] for name in one.to_dict()} == one.to_dict()
    assert {field.name for field in dataclasses.fields(Decision)} <= set(told)
    assert told["event_type"] == "accepted"
    assert of_decision(one.to_dict()).number != of_decision(one.to_dict()).number


@LAW
@given(st.text(), st.floats(), st.sampled_from(list(Outcome)))
def test_whatever_a_decision_says_becomes_valid_json(text: str, number: float, outcome: Outcome) -> None:
    one = dataclasses.replace(decision(outcome, text), quality={"x": number}, advice=text).to_dict()
    told = json.loads(of_decision({**one, "similarity": number}).body)
    assert told["similarity"] == (number if math.isfinite(number) else None)
    assert told["person"] == text.encode("utf-8", "replace").decode()
    assert told["event_type"] in KINDS


@pytest.mark.parametrize(
    "wrong",
    [{"on": ("open",)}, {"on": ()}, {"queue": 0}, {"max_age_s": math.nan}, {"retry_first_s": 0}, {"retry_max_s": 0.1}],
)
def test_a_policy_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        DeliveryPolicy(**wrong)  # type: ignore[arg-type]
