"""The one exception tree of siamlite.

Every error that siamlite raises on purpose is one of these. The command line prints its message as one line and exits
with its ``exit_code``; nothing else ever reaches the user as a traceback.

::

    SiamliteError                 exit 3   something is wrong with the device or the data
    ├── UsageError                exit 2   the command or its options are wrong
    ├── DataError                 exit 2   pictures or folders that cannot be used
    │   ├── ImageError                     a picture that cannot be decoded
    │   └── FaceError                      a picture with no usable face
    │       └── EnrolmentRefused           samples that must not be enrolled
    ├── CheckFailed               exit 1   a gate or an evaluation said no
    ├── TowerError                exit 3   a tower file that must not be used
    ├── GalleryError              exit 3   a gallery that cannot be read or written
    │   └── SpaceMismatch                  enrolled with another tower or interpreter
    ├── AuditError                exit 3   an audit log or a lockout that cannot be trusted or written
    ├── SourceError               exit 3   a camera, video or folder that yields no frames
    ├── MissingDependency         exit 3   an optional package is not installed
    ├── FetchError                exit 3   a pinned file could not be fetched or is not what was pinned
    ├── DeliveryError             exit 3   an event that was not delivered, or not yet
    └── WriteError                exit 3   a file could not be written; the target is untouched

A message says what is wrong, what was received, what is accepted, and the command that fixes it.
"""

from __future__ import annotations


class SiamliteError(Exception):
    """Base of every error that siamlite raises on purpose.

    Attributes:
        exit_code: What the command line exits with (1 failed check, 2 usage or input, 3 fault).
    """

    exit_code: int = 3


class UsageError(SiamliteError):
    """The command, an option or a configuration value is wrong."""

    exit_code = 2


class DataError(SiamliteError):
    """Pictures or folders that cannot be used as they are."""

    exit_code = 2


class ImageError(DataError):
    """A file that is not a picture that OpenCV can decode."""


class FaceError(DataError):
    """A picture in which no usable face was found."""


class EnrolmentRefused(FaceError):
    """Samples that must not be enrolled: too few, unlike each other, or of somebody else.

    Attributes:
        reason: Why, as a code.
    """

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class CheckFailed(SiamliteError):
    """A quality gate or a check said no."""

    exit_code = 1


class TowerError(SiamliteError):
    """A tower file that is damaged, foreign, edited, or fails its self-test."""


class GalleryError(SiamliteError):
    """A gallery that cannot be read or written."""


class SpaceMismatch(GalleryError):
    """The gallery was enrolled in another embedding space than the tower's.

    Attributes:
        gallery_fingerprint: Fingerprint of the space the gallery was enrolled in.
        tower_fingerprint: Fingerprint of the space that the tower gives here.
    """

    def __init__(self, message: str, *, gallery_fingerprint: str, tower_fingerprint: str) -> None:
        super().__init__(message)
        self.gallery_fingerprint = gallery_fingerprint
        self.tower_fingerprint = tower_fingerprint


class AuditError(SiamliteError):
    """An audit log or a lockout state that was damaged or changed, or that cannot be written."""


class SourceError(SiamliteError):
    """A camera, video, folder or URL that yields no frames."""


class MissingDependency(SiamliteError):
    """An optional package that this command needs is not installed."""


class FetchError(SiamliteError):
    """A pinned file could not be fetched, or is not the file that was pinned."""


class DeliveryError(SiamliteError):
    """An event that could not be delivered to the outside.

    Attributes:
        final: Whether it would be refused again, so that there is no use in another attempt.
    """

    def __init__(self, message: str, *, final: bool = False) -> None:
        super().__init__(message)
        self.final = final


class WriteError(SiamliteError):
    """A file could not be written; whatever stood at the target is untouched."""
