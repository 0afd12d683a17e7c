"""What `make demo` needs: no TensorFlow in its lock, its code or its environment."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DEMO = sorted((ROOT / "benchmarks/demo").rglob("*.py"))
LOCK = (ROOT / "requirements/demo.txt").read_text(encoding="utf-8")
TRAINING = {"tensorflow", "keras", "train", "export"}
# Distributions whose module is called otherwise.
MODULES = {"opencv-python-headless": "cv2"}


def pins(text: str) -> set[tuple[str, str]]:
    """Name and version of everything in a lock."""
    return set(re.findall(r"^([a-z0-9-]+)==(\S+)", text, flags=re.MULTILINE))


def imported(path: Path) -> set[str]:
    """Dotted names that a file imports, wherever in the file."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names


def test_the_lock_holds_the_device_and_the_report_and_no_training() -> None:
    held = pins(LOCK)
    names = {name for name, _ in held}
    assert {"ai-edge-litert", "numpy", "opencv-python-headless", "cryptography", "matplotlib", "jinja2"} <= names
    assert not [name for name in names if name.startswith(("tensorflow", "keras", "tensorboard", "scikit", "dlib"))]
    edge, dev = (pins((ROOT / f"requirements/{name}.txt").read_text(encoding="utf-8")) for name in ("edge", "dev"))
    assert edge <= held, "the demo runs what the device runs"
    assert held <= dev, "the demo draws with what the benches draw with"
    assert LOCK.count("--hash=sha256:") > len(names)


def test_the_demo_imports_nothing_that_its_environment_lacks() -> None:
    assert len(DEMO) > 8
    held = {MODULES.get(name, name.replace("-", "_")) for name, _ in pins(LOCK)}
    for path in DEMO:
        for name in imported(path):
            top = name.split(".")[0]
            if top == "benchmarks":
                assert f"{name}.".startswith("benchmarks.demo."), f"{path} imports {name}"
            else:
                assert top in {*sys.stdlib_module_names, "edge_runtime", *held}, f"{path} imports {name}"
            assert top not in TRAINING, f"{path} imports {name}"


def test_the_demo_loads_no_tensorflow() -> None:
    modules = ", ".join(f"benchmarks.demo.{path.stem}" for path in DEMO if not path.stem.startswith("__"))
    code = f"import sys, {modules}; print(sorted(set({sorted(TRAINING)!r}) & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_its_environment_has_no_tensorflow() -> None:
    python = ROOT / ".venv-demo/bin/python"
    if not (ROOT / ".venv-demo/.ready").exists():
        pytest.skip("`make demo` has not made its environment yet")
    code = (
        "import importlib.util as u; import cv2, matplotlib, jinja2, ai_edge_litert; "
        "print([n for n in ('tensorflow', 'keras', 'torch') if u.find_spec(n)])"
    )
    plain = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ran = subprocess.run(
        [python, "-c", code], cwd=ROOT / "tests", env=plain, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "[]"
