"""What commands print and where they write."""

import shlex
from pathlib import Path

import pytest

from edge_runtime.errors import UsageError
from train.commands.output import refuse_folder, say_next


def test_the_next_command_can_be_pasted(capsys):
    folder = Path("it's my $HOME")
    say_next("python -m train", "fit", "--data", folder, "--out", Path("-run"))
    said = capsys.readouterr().err.removeprefix("next: ")
    assert shlex.split(said) == ["python", "-m", "train", "fit", "--data", str(folder), "--out", "./-run"]


@pytest.mark.parametrize("force", [False, True])
def test_results_replace_no_run_no_faces_and_no_file(tiny_run, tiny_faces, tmp_path, force):
    (tmp_path / "file").write_text("mine")
    for place in (tiny_run, tiny_faces, tmp_path / "file"):
        with pytest.raises(UsageError, match="Choose another"):
            refuse_folder(place, force=force)


def test_a_folder_of_results_is_replaced_by_force_alone(tmp_path):
    refuse_folder(tmp_path, force=False)
    refuse_folder(tmp_path / "new", force=False)
    (tmp_path / "metrics.json").write_text("{}")
    refuse_folder(tmp_path, force=True)
    with pytest.raises(UsageError, match="--force"):
        refuse_folder(tmp_path, force=False)
