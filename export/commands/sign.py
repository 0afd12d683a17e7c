"""``python -m export sign``."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import Any

from edge_runtime.commands.console import emit


def add(commands: Any) -> None:
    """Add the command and its options."""
    command = commands.add_parser("sign", help="sign a tower file, so that devices can tell who made it")
    command.add_argument("tower", type=Path, metavar="TOWER", help="the .tflite file")
    command.add_argument("--key", type=Path, required=True, metavar="FILE", help="the private key that keygen wrote")
    command.add_argument("--out", type=Path, metavar="FILE", help="write here (default: sign the file in place)")
    command.add_argument("--force", action="store_true", help="replace the --out file or another maker's signature")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from edge_runtime.towers.signature import short_fingerprint
    from export.delivery.signing import load_private_key, public_path, sign_file

    out = options.out or options.tower
    provenance = sign_file(options.tower, out, load_private_key(options.key), force=options.force).provenance
    if options.json:
        emit({"path": str(out), "bytes": out.stat().st_size, "fingerprint": provenance.fingerprint})
        return 0
    key = short_fingerprint(provenance.fingerprint or "")
    print(f"wrote {out} ({out.stat().st_size / 1024:.0f} KiB), signed by key {key}")
    words = ["--tower", str(out), "--trusted-key", str(public_path(options.key))]
    print(f"next: siamlite doctor {shlex.join(words)}")
    return 0
