"""What the doctor says of the machine around the program."""

from __future__ import annotations

import time
from pathlib import Path

from edge_runtime.machine.surroundings import clock, disk, look_around


def test_everything_is_looked_at_and_what_is_not_well_has_a_remedy() -> None:
    findings = look_around()
    assert [finding.name for finding in findings] == ["cameras", "picamera2", "disk", "clock", "board"]
    for finding in findings:
        assert finding.detail
        assert finding.status in ("ok", "missing", "warning", "broken")
        assert (finding.status == "ok") == (not finding.remedy)


def test_a_clock_before_the_program_itself_is_wrong() -> None:
    assert clock().status == "ok"
    wrong = clock(now_s=0.0)
    assert (wrong.status, wrong.remedy) == ("warning", "sudo timedatectl set-ntp true")
    assert wrong.detail.startswith(time.strftime("%Y-%m-%d", time.localtime(0)))


def test_the_disk_of_a_folder_that_is_not_there_yet_is_that_of_its_parent(tmp_path: Path) -> None:
    found = disk(tmp_path / "a/b/c")
    assert str(tmp_path) in found.detail
    assert not found.detail.endswith("/c")
    assert "GB free" in found.detail
