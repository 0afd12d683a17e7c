"""What a card says of a tower's limits: the same plain sentences in every card, and what its maker adds."""

from __future__ import annotations

import re

from edge_runtime.errors import UsageError

_MAX_LETTERS = 1000
_BEGIN = "Its error rates were measured on "
_END = ". By age, sex and skin tone they were not measured: the pictures came without such labels."
_MEASURED = re.compile(f" ?{re.escape(_BEGIN)}(.+?){re.escape(_END)}")


def stated_limits(known: str, *, pictures: str, added: str | None) -> str:
    """The limits for the card: what was added, what is known of such a tower, and what was not measured.

    An export is given folders of people and no other labels, so it cannot measure error rates of groups.

    Args:
        known: What is known of the tower, in sentences.
        pictures: The kind of pictures that error rates were measured on, to follow "measured on".
        added: Further sentences of its maker; None for none.
    """
    measured = f"{_BEGIN}{pictures.strip().rstrip('.')}{_END}"
    return " ".join(part for part in ((added or "").strip(), known, measured) if part)


def split_limits(limits: str) -> tuple[str, str | None]:
    """What :func:`stated_limits` put together: all but the pictures, and their kind, which is None if it is unsaid."""
    found = _MEASURED.search(limits)
    return (limits, None) if found is None else (_MEASURED.sub("", limits).strip(), found[1])


def kind_of_pictures(*, prepared: bool, foreign: bool = False) -> str:
    """What a folder of pictures held, in words that follow "measured on".

    Args:
        prepared: Whether it held crops.
        foreign: Whether others than siamlite aligned them.
    """
    if foreign:
        return "crops that others aligned"
    if prepared:
        return "faces that siamlite had cut out of photographs before"
    return "photographs in which siamlite found and aligned the faces"


def refuse_bad_words(text: str | None, option: str) -> None:
    """Refuse a text for the card that is none.

    Args:
        text: What was given with an option; None if nothing was.
        option: The option.

    Raises:
        UsageError: It is empty, too long for a card, or is no line of printable text.
    """
    if text is None:
        return
    if not text.strip() or len(text) > _MAX_LETTERS or not text.isprintable():
        raise UsageError(
            f"{option} takes one line of printable text of at most {_MAX_LETTERS:,} letters for the card, not "
            f"{len(text):,} letters{'' if text.strip() else ' that say nothing'}. Shorten it, or leave it out."
        )
