"""What is built: the wheel holds the device package alone and works without TensorFlow; the sdist the project."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

import edge_runtime

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the sdist and the wheel, built with the locked hatchling."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return folder


def test_the_wheel_holds_the_device_package_alone(built: Path) -> None:
    wheel = next(built.glob("*.whl"))
    assert wheel.name == f"siamlite-{edge_runtime.__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.split("/")[0] for name in names} == {
        "edge_runtime",
        f"siamlite-{edge_runtime.__version__}.dist-info",
    }
    assert "edge_runtime/py.typed" in names
    assert "edge_runtime/models/five_points.npz" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_sdist_holds_only_the_project(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = [name.split("/", 1)[1] for name in archive.getnames() if "/" in name]
    tops = {name.split("/")[0] for name in names}
    assert {"edge_runtime", "train", "export", "tests", "benchmarks", "pyproject.toml", "README.md"} <= tops
    assert not tops & {".git", ".cache", ".venv", "demo", "runs", "dist"}
    assert not [name for name in names if name.endswith((".pgm", ".pyc", ".keras"))]


@pytest.mark.slow
@pytest.mark.registry
def test_the_wheel_works_in_a_clean_environment(built: Path, tmp_path: Path, tiny_tower_path: Path) -> None:
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env/bin/python"
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--require-hashes", "-r", str(ROOT / "requirements/edge.txt")], check=True)
    wheel = next(built.glob("*.whl"))
    # The lock must already satisfy the extra: nothing else may be fetched.
    subprocess.run([*pip, "--no-index", f"{wheel}[edge]"], check=True)

    environment = {**os.environ, "SIAMLITE_HOME": str(tmp_path / "home")}
    siamlite = str(tmp_path / "env/bin/siamlite")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [siamlite, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )

    before = run("doctor", "--json")
    assert before.returncode == 1, before.stderr
    assert [f["remedy"] for f in json.loads(before.stdout)["findings"] if f["name"] == "detectors"] == [
        "siamlite setup"
    ]
    assert run("setup").returncode == 0
    after = run("doctor", "--json", "--tower", str(tiny_tower_path))
    assert after.returncode == 0, after.stdout + after.stderr
    found = {finding["name"]: finding for finding in json.loads(after.stdout)["findings"]}
    assert found["tower"]["status"] == "ok"
    assert str(tmp_path / "env") in found["siamlite"]["detail"], "the checkout was examined, not the wheel"

    installed = subprocess.run([str(python), "-m", "pip", "list"], capture_output=True, text=True, check=True).stdout
    assert "tensorflow" not in installed
    assert "keras" not in installed
