"""``siamlite audit``: what was decided and changed, and whether the log of it is whole."""

from __future__ import annotations

import argparse
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from edge_runtime.commands.console import EXIT_OK, EXIT_REFUSED, emit, say
from edge_runtime.commands.options import Commands, add_command, add_group, gallery_option, set_run
from edge_runtime.errors import SiamliteError, UsageError

if TYPE_CHECKING:
    from edge_runtime.audit.chain import Entry
    from edge_runtime.audit.checking import CheckedLog
    from edge_runtime.audit.secret import AuditKey


def add(commands: Commands) -> None:
    """Add the commands and their options."""
    actions = add_group(commands, "audit", "what was decided and changed on this device")
    showing = add_command(actions, "show", "the last entries of the audit log, with names where the gallery is open")
    showing.add_argument("--last", type=int, default=20, metavar="N", help="how many entries; 0 for all (default: 20)")
    showing.add_argument("--event", help="only entries of this kind, such as decision or enrolment-failed")
    gallery_option(showing)
    set_run(showing, _show)
    checking = add_command(actions, "verify", "check that nothing of the log was cut, edited or reordered")
    checking.add_argument(
        "--expect", metavar="NUMBER:HASH", help="an entry that was noted before and must still be in it"
    )
    set_run(checking, _verify)


def _checked(options: argparse.Namespace, expect: tuple[int, str] | None = None) -> tuple[CheckedLog, AuditKey]:
    from edge_runtime.audit.checking import check_log
    from edge_runtime.audit.secret import audit_key
    from edge_runtime.home import audit_folder

    if not audit_folder().is_dir():
        raise UsageError(f"there is no audit log in {audit_folder()} yet: verify, identify and enroll write it.")
    key = audit_key()
    return check_log(audit_folder(), key, expect=expect), key


def _show(options: argparse.Namespace) -> int:
    """The last entries of the audit log."""
    checked, key = _checked(options)
    names = names_of(options, key)
    chosen = [entry for entry in checked.entries if options.event in (None, entry.event)]
    shown = chosen[-options.last :] if options.last > 0 else chosen
    enrolled = Counter(entry.event for entry in checked.entries)
    failed, done = enrolled["enrolment-failed"], enrolled["enrolled"] + enrolled["updated"]
    if options.json:
        emit(
            {
                "whole": not checked.problems,
                "entries": [_values(entry, names) for entry in shown],
                "enrolments": done,
                "failures_to_enrol": failed,
            }
        )
        return EXIT_OK
    for entry in shown:
        print(f"{entry.number:>6}  {_moment(entry.at)}  {entry.event:<19}  {_words(entry, names)}".rstrip())
    if done or failed:
        say(f"failures to enrol: {failed} of {failed + done} enrolments")
    if checked.problems:
        say("warning: the log is not whole. See: siamlite audit verify")
    return EXIT_OK


def _verify(options: argparse.Namespace) -> int:
    """Check that nothing of the log was cut, edited or reordered."""
    checked, _ = _checked(options, None if options.expect is None else _expected(options.expect))
    number, first = checked.number, checked.entries[0].number if checked.entries else 0
    if options.json:
        emit(
            {
                "whole": not checked.problems,
                "entries": len(checked.entries),
                "first": first,
                "number": number,
                "last": checked.last,
                "problems": list(checked.problems),
            }
        )
        return EXIT_REFUSED if checked.problems else EXIT_OK
    for problem in checked.problems:
        say(f"damaged: {problem}")
    verdict = "DAMAGED" if checked.problems else "whole"
    print(f"{len(checked.entries)} entries, {first} to {number}: {verdict}")
    if not checked.problems:
        say("note this elsewhere, to notice a log that was put back or begun anew:")
        say(f"siamlite audit verify --expect {number}:{checked.last}")
    return EXIT_REFUSED if checked.problems else EXIT_OK


def _expected(text: str) -> tuple[int, str]:
    number, _, mac = text.partition(":")
    if not number.isascii() or not number.isdigit() or len(mac) != 64:
        raise UsageError(f"what was noted is a number, a colon and 64 hexadecimal digits, not {text!r:.80}.")
    return int(number), mac.lower()


def names_of(options: argparse.Namespace, key: AuditKey) -> dict[str, str]:
    """Who is enrolled, by pseudonym; nobody if the gallery cannot be opened."""
    from edge_runtime.commands.given import gallery_access, gallery_path
    from edge_runtime.gallery.store import Gallery

    try:
        with Gallery.open(gallery_path(options), access=gallery_access(options)) as gallery:
            return {key.pseudonym(person.name): person.name for person in gallery.people()}
    except SiamliteError as error:
        say(f"names are not shown: {error}")
        return {}


def _values(entry: Entry, names: dict[str, str]) -> dict[str, Any]:
    person = names.get(str(entry.details.get("person")))
    return {
        "number": entry.number,
        "at": entry.at,
        "event": entry.event,
        **entry.details,
        **({} if person is None else {"name": person}),
    }


def _words(entry: Entry, names: dict[str, str]) -> str:
    known = {**entry.details}
    pseudonym = known.pop("person", None)
    who = [] if pseudonym is None else [names.get(str(pseudonym), f"({pseudonym})")]
    return " ".join([*who, *(f"{name}={value}" for name, value in known.items() if value is not None)])


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
