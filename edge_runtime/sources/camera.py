"""The names of this room that others use."""

from __future__ import annotations

from edge_runtime.sources.events import EventKind, Listener, SourceEvent
from edge_runtime.sources.frame import Frame, FrameSource, Moment, Wait, moments
from edge_runtime.sources.live import LiveSource
from edge_runtime.sources.names import list_cameras, without_password
from edge_runtime.sources.open import open_source
from edge_runtime.sources.options import LivePolicy, SourceOptions
from edge_runtime.sources.pictures import PictureSource
from edge_runtime.sources.video import VideoSource

__all__ = [
    "EventKind",
    "Frame",
    "FrameSource",
    "Listener",
    "LivePolicy",
    "LiveSource",
    "Moment",
    "PictureSource",
    "SourceEvent",
    "SourceOptions",
    "VideoSource",
    "Wait",
    "list_cameras",
    "moments",
    "open_source",
    "without_password",
]
