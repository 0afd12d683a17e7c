"""One presentation from beginning to end, without a tower or a gallery: is it a person or a picture?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from edge_runtime.faces.detect import Face
from edge_runtime.faces.finder import FaceFinder
from edge_runtime.faces.tracker import FaceTracker, TrackPolicy
from edge_runtime.liveness.policy import UNKNOWN, Liveness
from edge_runtime.liveness.stage import LivenessStage
from edge_runtime.sources.frame import Frame


def judge(frames: Iterable[Frame], finder: FaceFinder, stage: LivenessStage, *, detect_every: int = 3) -> Liveness:
    """Look at a presentation until it is known what it is, or it ends.

    The largest face counts. Nobody is compared with anybody, so that another person in the same place is not noticed.

    Args:
        frames: Its frames.
        finder: Finds the faces.
        stage: The tests; what they knew before is forgotten.
        detect_every: In every how many-th frame the face is detected; in between it is followed.
    """
    stage.reset()
    tracker = FaceTracker(TrackPolicy(detect_every=detect_every))
    found = UNKNOWN
    for frame in frames:

        def detect(frame: Frame = frame) -> Sequence[Face]:
            return [item.face for item in finder.find(frame.image_rgb)]

        tracker.step(frame.image_rgb, frame.time_s, detect, due=stage.due(frame.time_s))
        tracks = tracker.in_view()
        if not tracks:
            stage.gap(frame.time_s)
            continue
        track = max(tracks, key=lambda item: item.face.area_px)
        found = stage.look(frame.image_rgb, frame.time_s, track.number, track.face, fresh=tracker.detected)
        if found.live is not None:
            return found
    return found
