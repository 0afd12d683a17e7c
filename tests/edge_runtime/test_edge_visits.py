"""The laws of visits: when an attempt may begin, and whose evidence an acceptance is made of."""

from __future__ import annotations

import numpy as np
from edge_helpers import LAW
from hypothesis import given
from hypothesis import strategies as st
from test_edge_attempt import FACE, question, seen

from edge_runtime.decisions.decide import Decision, Outcome
from edge_runtime.decisions.observe import Observation, SeenFace, choose
from edge_runtime.decisions.visits import Visits
from edge_runtime.sources.camera import Frame

IMAGE = np.zeros((60, 60, 3), np.uint8)
THRESHOLD, REARM_S = 0.5, 1.0

# A frame: seconds since the one before, and for each face in it its track (0: not known) and its similarity.
faces = st.lists(st.tuples(st.integers(0, 2), st.floats(-1, 1, width=32)), max_size=2, unique_by=lambda face: face[0])
moments = st.lists(st.tuples(st.floats(-0.1, 1.2), st.one_of(st.none(), faces)), max_size=40)


def observe(shown: list[tuple[int, float]], policy: str) -> Observation:
    found: list[SeenFace] = [seen(value, track=track) for track, value in shown]
    return choose(found, question(faces=policy).policy, IMAGE.shape)


@LAW
@given(moments, st.sampled_from(["exactly-one", "largest", "centre", "all"]))
def test_an_acceptance_is_of_one_track_that_matched_and_a_refusal_has_to_leave(
    shown: list[tuple[float, list[tuple[int, float]] | None]], policy: str
) -> None:
    visits = Visits(question(THRESHOLD, frames=2, spacing_s=0.2, faces=policy, rearm_s=REARM_S), endless=True)
    now = 100.0
    evidence: list[tuple[float, int, float]] = []
    fallen: list[tuple[float, Decision]] = []
    last_face_s = -np.inf
    left_s = -np.inf
    for index, (after_s, present) in enumerate(shown):
        now += after_s
        if present is None:
            fallen += [(now, decision) for decision in visits.wait(now)]
            continue
        observation = observe(present, policy)
        frame = Frame(image_rgb=IMAGE, index=index, time_s=now, name="camera")
        if not present and now - min(last_face_s, now) >= REARM_S:
            left_s = now
        if present:
            last_face_s = now
        evidence += [(now, face.track, face.similarity_of_one()) for face in map(Given, observation.faces)]
        fallen += [(now, decision) for decision in visits.take(frame, observation, kept={1, 2})]
    fallen += [(now, decision) for decision in visits.end()]
    for at, decision in fallen:
        assert decision.outcome is not Outcome.ACCEPTED or decision.person == "a"
        if not decision.accepted:
            continue
        mine = [v for t, track, v in evidence if track == decision.track and decision.started_s <= t <= at]
        assert decision.track in (1, 2)
        assert len(mine) >= decision.good_frames >= 1
        assert max(mine) >= THRESHOLD - 1e-6
        assert decision.similarity is not None
        assert decision.similarity >= THRESHOLD
    steady = all(after_s >= 0 and present is not None for after_s, present in shown)
    if policy != "all" and left_s == -np.inf and steady:
        # Nobody left for long enough: after a refusal there is no other attempt.
        assert all(decision.accepted for _, decision in fallen[:-1])


class Given:
    """A face that was made up, and what it was given."""

    def __init__(self, face: SeenFace) -> None:
        self.track, self._face = face.track, face

    def similarity_of_one(self) -> float:
        assert self._face.face is FACE
        assert self._face.similarities is not None
        return float(self._face.similarities[0])


def test_a_clock_that_goes_backwards_while_a_face_is_out_of_view_is_a_fault() -> None:
    visits = Visits(question(THRESHOLD, frames=2, spacing_s=0.2, faces="all", rearm_s=REARM_S), endless=True)
    frames = [Frame(image_rgb=IMAGE, index=i, time_s=t, name="camera") for i, t in enumerate((100.0, 99.9))]
    fallen = visits.take(frames[0], observe([(1, 1.0)], "all"), kept={1})
    fallen += visits.take(frames[1], observe([], "all"), kept={1})
    fallen += visits.end()
    assert [(one.outcome, one.reason) for one in fallen] == [(Outcome.FAULT, "clock-went-backwards")]
