"""``python -m export keygen``."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import Any

from edge_runtime.commands.console import emit


def add(commands: Any) -> None:
    """Add the command and its options."""
    command = commands.add_parser("keygen", help="make the pair of keys that a maker signs towers with")
    command.add_argument("--out", type=Path, required=True, metavar="FILE", help="the private key, such as maker.key")
    command.add_argument("--force", action="store_true", help="replace keys that are there")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from edge_runtime.files import refuse_overwrite
    from edge_runtime.towers.signature import key_fingerprint
    from export.delivery.signing import new_passphrase, public_path, write_key_pair

    # Nobody types a passphrase for nothing.
    refuse_overwrite(options.out, force=options.force)
    passphrase = new_passphrase()
    public = write_key_pair(options.out, passphrase=passphrase, force=options.force)
    written, fingerprint = public_path(options.out), key_fingerprint(public)
    if options.json:
        values = {"private": str(options.out), "public": str(written), "fingerprint": fingerprint}
        emit(values | {"encrypted": passphrase is not None})
        return 0
    print(f"wrote {options.out} (private, {'encrypted' if passphrase else 'not encrypted'}: keep it secret)")
    print(f"wrote {written} (public: for every device)\nfingerprint: {fingerprint}")
    print(f"next: python -m export sign tower.tflite --key {shlex.quote(str(options.out))}")
    print(f"and on the device: siamlite trust add {shlex.quote(str(written))}")
    return 0
