"""``python -m edge_runtime`` is the ``siamlite`` command."""

from edge_runtime.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
