"""``python -m export`` converts trained towers."""

from export.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
