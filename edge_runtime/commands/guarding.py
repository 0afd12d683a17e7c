"""The lockout and the audit log that the options name."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from edge_runtime.errors import AuditError, UsageError

if TYPE_CHECKING:
    from edge_runtime.audit.chain import Detail
    from edge_runtime.audit.log import AuditLog
    from edge_runtime.audit.secret import AuditKey
    from edge_runtime.decisions.guard import Guard
    from edge_runtime.gallery.store import Gallery

AUDIT_VARIABLE = "SIAMLITE_AUDIT"
AUDIT_MODES = ("required", "best-effort", "off")


def audit_option(parser: argparse.ArgumentParser) -> None:
    """Whether it is written down."""
    parser.add_argument(
        "--audit",
        choices=AUDIT_MODES,
        help="whether what happens must be written to the audit log (default: $SIAMLITE_AUDIT, or required)",
    )


def lockout_options(parser: argparse.ArgumentParser, *, after: int) -> None:
    """When attempts must wait after rejections; by default after so many, 0 for never."""
    parser.add_argument(
        "--max-rejections",
        type=int,
        default=after,
        metavar="N",
        help=f"rejections in a row from which on the next attempt must wait; 0 for never (default: {after})",
    )
    parser.add_argument(
        "--lockout", type=float, default=30.0, metavar="SECONDS",
        help="how long it must wait first; twice as long after each further rejection, an hour at most (default: 30)",
    )  # fmt: skip


def audit_mode(options: argparse.Namespace) -> str:
    """Whether what happens must be written down.

    Raises:
        UsageError: The environment says something else.
    """
    # Commands that change a gallery have no option for it: what is written down of them is the device's to say.
    mode = str(getattr(options, "audit", None) or os.environ.get(AUDIT_VARIABLE) or "required")
    if mode not in AUDIT_MODES:
        raise UsageError(f"${AUDIT_VARIABLE} is {', '.join(AUDIT_MODES)}, not {mode!r:.50}.")
    return mode


def guard_for(options: argparse.Namespace, gallery: Gallery) -> Guard | None:
    """What stands behind each decision; None if nothing was asked for.

    Raises:
        AuditError: The key cannot be read or made.
        UsageError: The options make no sense.
    """
    from edge_runtime.commands.console import say
    from edge_runtime.decisions.guard import Guard
    from edge_runtime.decisions.lockout import LockoutPolicy

    mode = audit_mode(options)
    longest = max(LockoutPolicy().longest_s, options.lockout)
    policy = LockoutPolicy(max_rejections=options.max_rejections, first_s=options.lockout, longest_s=longest)
    if mode == "off" and not policy.max_rejections:
        return None
    try:
        return Guard.at_home(gallery, policy=policy, audit=mode != "off", required=mode == "required")
    except AuditError as error:
        # Without the key there is no lockout either: only who has asked for neither goes on.
        if mode == "required" or policy.max_rejections:
            raise
        say(f"warning: {error}")
        return None


class Diary:
    """Writes down what a command does, if that is asked for."""

    def __init__(self, options: argparse.Namespace) -> None:
        """Find the log.

        Raises:
            AuditError: It is required and its key cannot be read or made.
        """
        self._required = audit_mode(options) == "required"
        self._log: AuditLog | None = None
        self._key: AuditKey | None = None
        if audit_mode(options) != "off":
            self._open()

    def pseudonym(self, name: str) -> str | None:
        """What stands for a name in the log; None if nothing is written down."""
        return None if self._key is None else self._key.pseudonym(name)

    def note(self, event: str, name: str | None = None, **details: Detail) -> None:
        """Write something down; names only as pseudonyms.

        Raises:
            AuditError: It is required and cannot be written.
        """
        if self._log is None or self._key is None:
            return
        whose = {} if name is None else {"person": self._key.pseudonym(name)}
        try:
            self._log.append(event, {**whose, **details})
        except AuditError as error:
            self._excuse(error)

    def _open(self) -> None:
        from edge_runtime.audit.log import AuditLog
        from edge_runtime.audit.secret import audit_key
        from edge_runtime.home import audit_folder

        try:
            self._key = audit_key()
            self._log = AuditLog(audit_folder(), self._key)
        except AuditError as error:
            self._excuse(error)

    def _excuse(self, error: AuditError) -> None:
        from edge_runtime.commands.console import say

        if self._required:
            raise error
        say(f"warning: {error}")
