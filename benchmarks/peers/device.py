"""What a reader must know of the machine: its processor, and whether it multiplies int8 numbers in one instruction."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from edge_runtime.machine.device import device_name

_PROCESSORS = Path("/proc/cpuinfo")
# As Linux calls them: x86's VNNI and Arm's dot products are what int8 networks gain from.
_VECTORS = {"avx2": "AVX2", "avx512f": "AVX-512", "asimd": "NEON"}
_DOT_PRODUCTS = {"avx_vnni": "AVX-VNNI", "avx512_vnni": "AVX-512 VNNI", "asimddp": "int8 dot products", "i8mm": "I8MM"}


def describe_device() -> str:
    """Processor, cores, vectors, int8 dot products or their lack, memory, Python."""
    flags = processor_flags()
    have = [name for flag, name in _VECTORS.items() if flag in flags]
    dots = [name for flag, name in _DOT_PRODUCTS.items() if flag in flags]
    vectors = " and ".join(have) or "no vector unit that is known"
    lacking = f"with {' and '.join(dots)}" if dots else "without VNNI or another int8 dot product"
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{device_name()}, {vectors} {lacking}, {memory:.0f} GiB, Python {platform.python_version()}"


def processor_flags(path: Path = _PROCESSORS) -> set[str]:
    """What the first processor says it can do; empty where the system does not say."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return set()
    named = (line.partition(":") for line in lines if line.startswith(("flags", "Features")))
    return set(next((words.split() for _, _, words in named), []))
