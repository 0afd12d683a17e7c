"""``python -m edge_runtime`` is the ``siamlite`` command."""

from edge_runtime.commands.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
