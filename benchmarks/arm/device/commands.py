"""The commands of an installed siamlite as a user types them, and what they said."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.arm.device.frames import Person
from benchmarks.arm.machines import explain
from edge_runtime.errors import SiamliteError

# Exit codes of a command that did its work: accepted or ok, and refused.
_ANSWERED = (0, 1)
# When something was, how long it took, and where it lies: not what is compared.
_PASSING = ("at", "latency_ms", "gallery", "detectors")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a command came to.

    Attributes:
        words: The command, as it is shown.
        code: Its exit code.
        said: Its line of JSON.
    """

    words: str
    code: int
    said: dict[str, Any]

    @property
    def lasting(self) -> dict[str, Any]:
        """What it said without times and places: what must be the same on every machine."""
        if "findings" in self.said:
            # Versions, folders and cameras differ; whether all is well must not.
            return {finding["name"]: finding["status"] for finding in self.said["findings"]}
        return {name: value for name, value in self.said.items() if name not in _PASSING}


def plan_commands(people: Sequence[Person], home: Path, detectors: Path, carried: Path | None) -> list[dict[str, Any]]:
    """Set up, enrol everybody, examine, and verify everybody as themselves and as the next one.

    Args:
        people: Two people or more.
        home: An empty folder for everything that siamlite keeps on the machine.
        detectors: The wheel of the face detectors.
        carried: siamlite's folder of another machine: the first one is also verified against the gallery in it.

    Returns:
        For each command its ``words`` and its ``home``.
    """
    commands = [["setup", "--wheel", str(detectors)]]
    commands += [["enroll", person.name, "--source", str(person.enrol)] for person in people]
    commands += [["doctor"]]
    for number, person in enumerate(people):
        other = people[(number + 1) % len(people)]
        commands += [["verify", person.name, "--source", str(shown.show)] for shown in (person, other)]
    plan = [{"words": [*words, "--json"], "home": str(home)} for words in commands]
    if carried is not None:
        words = ["verify", people[0].name, "--source", str(people[0].show), "--json"]
        plan.append({"words": words, "home": str(carried)})
    return plan


def read_answers(machine: str, plan: Sequence[dict[str, Any]], ran: Sequence[dict[str, Any]]) -> list[Answer]:
    """What the commands of a plan said.

    Args:
        machine: What messages call the machine.
        plan: The commands, see :func:`plan_commands`.
        ran: What came of each, see :func:`benchmarks.arm.device.board.run_script`.

    Raises:
        SiamliteError: A command failed to do its work, or said no JSON.
    """
    answers = []
    for command, ended in zip(plan, ran, strict=True):
        doing = f"run siamlite {command['words'][0]}"
        complaint = explain(machine, ended["code"], ended["stderr"], doing=doing)
        if ended["code"] not in _ANSWERED:
            raise SiamliteError(complaint)
        try:
            said = json.loads(ended["stdout"].splitlines()[-1])
        except (ValueError, IndexError) as error:
            raise SiamliteError(complaint) from error
        answers.append(Answer(words=shown_words(command["words"]), code=ended["code"], said=said))
    return answers


def shown_words(words: Sequence[str]) -> str:
    """A command without the folders of this run: ``verify s1 --source s2/show``."""
    short = [str(Path(*Path(word).parts[-2:])) if word.startswith("/") else word for word in words]
    return " ".join(word for word in short if word != "--json")
