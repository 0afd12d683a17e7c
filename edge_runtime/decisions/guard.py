"""What stands behind each decision: the lockout, and the entry in the audit log, before anybody is told of it."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import replace

from edge_runtime.audit.chain import Detail
from edge_runtime.audit.log import AuditLog
from edge_runtime.audit.secret import AuditKey, audit_key
from edge_runtime.decisions.decide import Decision, Outcome
from edge_runtime.decisions.lockout import LockoutPolicy, Moment
from edge_runtime.decisions.lockout_file import LockoutFile
from edge_runtime.errors import AuditError
from edge_runtime.gallery.store import Gallery
from edge_runtime.home import audit_folder

_log = logging.getLogger(__name__)

# Outcomes that count as a rejection: whoever stood there was judged, and found to be somebody else or no person.
COUNTED = ("rejected", "not-live")


class Guard:
    """Counts rejections and writes down decisions. It can refuse, and never accepts.

    Everything is looked up anew with each decision, so that several processes share one lockout and one log.
    """

    def __init__(
        self,
        key: AuditKey,
        *,
        gallery_id: bytes,
        lockout: LockoutFile | None = None,
        log: AuditLog | None = None,
        log_required: bool = True,
        clock: Callable[[], Moment] = Moment.now,
    ) -> None:
        """Begin.

        Args:
            key: Hides names in the log.
            gallery_id: Of the gallery that faces are compared with: each has a lockout of its own.
            lockout: Where rejections are counted; nowhere if None.
            log: Where decisions are written down; nowhere if None.
            log_required: Whether a decision that cannot be written down is a ``fault``.
            clock: Tells the time.
        """
        self._key, self._gallery = key, gallery_id.hex()
        self._lockout, self._log, self._log_required, self._clock = lockout, log, log_required, clock

    @classmethod
    def at_home(
        cls, gallery: Gallery, *, policy: LockoutPolicy | None = None, audit: bool = True, required: bool = True
    ) -> Guard:
        """The guard of a gallery with its files in siamlite's home.

        Args:
            gallery: What faces are compared with.
            policy: When attempts must wait; the usual one if None.
            audit: Whether decisions are written down.
            required: Whether a decision that cannot be written down is a ``fault``.

        Raises:
            AuditError: The key cannot be read or made.
        """
        folder, key, chosen = audit_folder(), audit_key(), policy or LockoutPolicy()
        return cls(
            key,
            gallery_id=gallery.file.header.gallery_id,
            lockout=LockoutFile(folder, key, chosen) if chosen.max_rejections else None,
            log=AuditLog(folder, key) if audit else None,
            log_required=required,
        )

    def refusal(self, claimed: str | None, threshold: float) -> Decision | None:
        """The decision on an attempt that may not even begin; None if it may.

        Args:
            claimed: Who the person claims to be; None in identification.
            threshold: The threshold, for the decision.
        """
        asked = Decision(
            outcome=Outcome.NO_FACE, person=None, similarity=None, threshold=threshold, reason="no-frames",
            claimed=claimed,
        )  # fmt: skip
        try:
            wait_s = self._wait_s(asked)
            return self._written(_locked(asked, wait_s)) if wait_s else None
        except Exception as error:  # Whatever it is, it must not let anybody try.
            return _fault(asked, error)

    def final(self, decision: Decision) -> Decision:
        """What a decision comes to: itself, or a refusal. Nothing is raised.

        A rejection is counted, and the decision written down, before it is given back.
        """
        try:
            wait_s = self._wait_s(decision)
            if wait_s and (decision.accepted or decision.outcome.value in COUNTED):
                decision = _locked(decision, wait_s)
            elif self._lockout is not None and decision.outcome.value in COUNTED:
                wait_s = self._lockout.reject(self._who(decision), self._clock())
                if wait_s:
                    decision = replace(decision, advice=_again(wait_s))
            if self._lockout is not None and decision.accepted:
                self._lockout.accept(self._who(decision))
            return self._written(decision)
        except Exception as error:  # Whatever it is, it must not become an acceptance.
            return _fault(decision, error)

    def _wait_s(self, decision: Decision) -> float:
        return 0.0 if self._lockout is None else self._lockout.wait_s(self._who(decision), self._clock())

    def _who(self, decision: Decision) -> str:
        """Whose row a decision counts in: that of the claimed person, or that of everybody who is identified."""
        whose = "identify" if decision.claimed is None else f"verify {self._key.pseudonym(decision.claimed)}"
        return f"{self._gallery} {whose}"

    def _written(self, decision: Decision) -> Decision:
        if self._log is None:
            return decision
        try:
            self._log.append("decision", details_of(decision, self._key))
        except AuditError as error:
            if self._log_required:
                raise
            _log.warning("%s", error)
        return decision


def details_of(decision: Decision, key: AuditKey) -> dict[str, Detail]:
    """What is written down of a decision: no similarity and no nearest person, and names only as pseudonyms.

    Similarities would tell whoever reads the log whether a forgery is getting better; whom a stranger resembles is
    nobody's business.
    """
    person = decision.person or decision.claimed
    return {
        "outcome": decision.outcome.value,
        "reason": decision.reason,
        "mode": "identify" if decision.claimed is None else "verify",
        "person": None if person is None else key.pseudonym(person),
        "frames": decision.frames,
        "good_frames": decision.good_frames,
    }


def _locked(decision: Decision, wait_s: float) -> Decision:
    """A decision without anything of what was compared.

    Not even the number of good frames: an attempt that could not succeed any more ends with fewer.
    """
    return replace(
        decision,
        outcome=Outcome.LOCKED_OUT,
        person=None,
        nearest=None,
        similarity=None,
        margin=None,
        track=None,
        good_frames=0,
        frames=0,
        quality={},
        reason="locked-out",
        advice=_again(wait_s),
    )


def _again(wait_s: float) -> str:
    return f"too many rejections: try again in {math.ceil(wait_s)} s"


def _fault(decision: Decision, error: Exception) -> Decision:
    return replace(
        decision,
        outcome=Outcome.FAULT,
        person=None,
        nearest=None,
        similarity=None,
        margin=None,
        reason="fault",
        advice=str(error) or type(error).__name__,
    )
