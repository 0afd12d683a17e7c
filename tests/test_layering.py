"""The house rules of imports: who may know whom, and what the device never loads."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
STANDARD = set(sys.stdlib_module_names)

# What each package may import besides the standard library and itself.
ALLOWED = {
    "edge_runtime": {"numpy", "cv2", "ai_edge_litert", "tflite_runtime", "cryptography", "picamera2", "usearch"}
    | {"paho", "gpiozero", "tomli"},
    "train": {"edge_runtime", "numpy", "cv2", "tensorflow", "keras", "matplotlib", "tqdm", "jinja2", "tomli"},
    # Of ai_edge_litert only the reader of its file format.
    "export": {"edge_runtime", "numpy", "cv2", "tensorflow", "keras", "matplotlib", "tqdm", "jinja2", "ai_edge_litert"}
    | {"cryptography"},
}
INTERPRETERS = {"ai_edge_litert", "tflite_runtime"}


def imported(path: Path) -> set[str]:
    """Top-level names that a file imports, wherever in the file."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.split(".")[0])
        elif isinstance(node, ast.ImportFrom) and node.level:
            pytest.fail(f"{path}: relative import; write the whole name")
    return names


def files(package: str) -> list[Path]:
    found = sorted((ROOT / package).rglob("*.py"))
    assert found, f"{package} has no files"
    return found


@pytest.mark.parametrize("package", sorted(ALLOWED))
def test_a_package_imports_only_what_it_may(package: str) -> None:
    for path in files(package):
        foreign = imported(path) - STANDARD - {package} - ALLOWED[package]
        assert not foreign, f"{path.relative_to(ROOT)} imports {sorted(foreign)}"


def test_only_one_file_names_the_interpreters() -> None:
    naming = [p.name for p in files("edge_runtime") if any(name in p.read_text() for name in INTERPRETERS)]
    assert naming == ["backends.py"]


def test_only_one_file_imports_picamera2() -> None:
    assert [p.name for p in files("edge_runtime") if "picamera2" in imported(p)] == ["picamera.py"]


def test_only_one_file_imports_each_library_of_the_outside() -> None:
    for library, name in (("paho", "mqtt.py"), ("gpiozero", "gpio.py"), ("tomli", "config.py")):
        assert [p.name for p in files("edge_runtime") if library in imported(p)] == [name]


def test_nothing_unpickles() -> None:
    forbidden = {"pickle", "joblib", "dill", "shelve", "marshal", "cloudpickle"}
    for package in (*ALLOWED, "benchmarks"):
        for path in files(package):
            assert not imported(path) & forbidden, path
            assert "allow_pickle=True" not in path.read_text(), path


@pytest.mark.parametrize(
    "module",
    [
        "edge_runtime",
        "edge_runtime.commands.cli",
        "edge_runtime.commands.follow",
        "edge_runtime.commands.given",
        "edge_runtime.decisions.verifier",
    ],
)
def test_the_device_loads_no_tensorflow(module: str) -> None:
    code = (
        f"import sys, {module}; "
        "print(sorted(n for n in ('tensorflow', 'keras', 'train', 'export') if n in sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_the_command_line_answers_without_opencv() -> None:
    code = (
        "import sys, edge_runtime.commands.cli as c; c.build_parser(); "
        "print(sorted({'cv2', 'numpy'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_files_stay_small() -> None:
    for package in (*ALLOWED, "benchmarks"):
        for path in files(package):
            assert len(path.read_text().splitlines()) <= 300, f"{path.relative_to(ROOT)} is too long: split it"
