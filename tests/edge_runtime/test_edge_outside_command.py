"""Commands that are run for each notice."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path

import pytest
from outside_helpers import close, decision, eventually, notice

from edge_runtime.errors import DeliveryError, UsageError
from edge_runtime.outside.command import CommandConfig, CommandSink, environment
from edge_runtime.outside.delivery import Delivery
from edge_runtime.outside.notice import of_camera, of_decision
from edge_runtime.outside.policy import DeliveryPolicy


def python(code: str, *words: object, timeout_s: float = 60) -> CommandSink:
    return CommandSink(CommandConfig(argv=(sys.executable, "-c", code, *map(str, words)), timeout_s=timeout_s))


def test_a_command_gets_json_and_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIAMLITE_GALLERY_KEY", "00" * 32)
    monkeypatch.setenv("SIAMLITE_GALLERY_PASSPHRASE", "not for others")
    code = "import json, os, sys; json.dump([json.load(sys.stdin), dict(os.environ)], open(sys.argv[1], 'w'))"
    one = of_decision(decision(person="Zoë $(id) `x`; 'q'", quality={"sharpness": 4.0}).to_dict())
    python(code, tmp_path / "got.json").send(one)
    told, variables = json.loads((tmp_path / "got.json").read_text())
    assert told == one.values
    assert variables["SIAMLITE_EVENT_PERSON"] == "Zoë $(id) `x`; 'q'"
    assert variables["SIAMLITE_EVENT_OUTCOME"] == variables["SIAMLITE_EVENT_TYPE"] == "accepted"
    assert variables["SIAMLITE_EVENT_SIMILARITY"] == "0.8"
    assert variables["SIAMLITE_EVENT_NEAREST"] == ""
    assert {name for name in variables if name.startswith("SIAMLITE_") and "EVENT" not in name} == set()


def test_a_command_is_no_shell(tmp_path: Path) -> None:
    python("import sys; open(sys.argv[2], 'w').write(sys.argv[1])", "$HOME; `id` *", tmp_path / "got").send(notice())
    assert (tmp_path / "got").read_text() == "$HOME; `id` *"


def test_a_name_can_neither_end_a_variable_nor_move_a_cursor() -> None:
    bad = of_decision(decision(person="a\0b\nc\x1b[2J").to_dict())
    assert environment(bad)["SIAMLITE_EVENT_PERSON"] == "a?b c?[2J"
    assert environment(of_camera("lost"))["SIAMLITE_EVENT_TEXT"] == "lost"


def test_a_command_that_fails_or_is_not_there_is_tried_again(tmp_path: Path) -> None:
    with pytest.raises(DeliveryError, match=r"ended with 7\.") as caught:
        python("raise SystemExit(7)").send(notice())
    assert not caught.value.final
    with pytest.raises(DeliveryError, match="cannot be run: No such file"):
        CommandSink(CommandConfig(argv=(str(tmp_path / "none"),))).send(notice())
    plain = tmp_path / "plain"
    plain.write_text("")
    with pytest.raises(DeliveryError, match="Permission denied"):
        CommandSink(CommandConfig(argv=(str(plain),))).send(notice())
    # What it leaves unread is no failure.
    python("pass").send(of_camera("x" * 1_000_000))


def test_a_command_that_takes_too_long_is_killed_with_its_children(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys, time; "
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(1000)']); "
        "open(sys.argv[1], 'w').write(str(child.pid)); time.sleep(1000)"
    )
    sink = python(code, tmp_path / "child", timeout_s=3)
    with pytest.raises(DeliveryError, match="longer than 3 s and was killed"):
        sink.send(notice())
    child = int((tmp_path / "child").read_text())
    eventually(lambda: _gone(child))


def test_closing_kills_what_is_running(tmp_path: Path) -> None:
    code = "import sys, time; open(sys.argv[1], 'w').close(); time.sleep(1000)"
    sink = python(code, tmp_path / "running", timeout_s=1000)
    delivery = Delivery(sink, DeliveryPolicy())
    delivery.put(notice())
    eventually((tmp_path / "running").exists)
    close(delivery, 0.1)
    eventually(lambda: not delivery._thread.is_alive())
    with pytest.raises(DeliveryError, match="is closed"):
        sink.send(notice())


def test_a_script_is_run_again_until_it_succeeds(tmp_path: Path) -> None:
    script = tmp_path / "door.sh"
    script.write_text(
        f'#!/bin/sh\ncat >> "{tmp_path}/lines"\necho >> "{tmp_path}/lines"\n[ $(wc -l < "{tmp_path}/lines") -ge 3 ]\n'
    )
    script.chmod(stat.S_IRWXU)
    delivery = Delivery(CommandSink(CommandConfig(argv=(str(script),))), DeliveryPolicy(retry_first_s=0.01))
    one = notice()
    delivery.put(one)
    eventually(lambda: delivery.delivered == 1)
    close(delivery, 5)
    lines = (tmp_path / "lines").read_text().splitlines()
    assert [json.loads(line)["id"] for line in lines] == [one.number] * 3


@pytest.mark.parametrize("wrong", [{"argv": ()}, {"argv": ("",)}, {"argv": ("a\0",)}, {"argv": ("a",), "timeout_s": 0}])
def test_what_cannot_be_run_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        CommandConfig(**wrong)  # type: ignore[arg-type]


def _gone(number: int) -> bool:
    try:
        # A zombie that nobody waits for counts as gone.
        state = Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z" or not os.path.exists(f"/proc/{number}")
