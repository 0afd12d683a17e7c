#!/bin/sh
# Resolve pyproject.toml into the three locks beside this file, for every supported Python at once (needs `uv`).
set -eu
cd "$(dirname "$0")/.."
resolve() {
    uv pip compile pyproject.toml "$@" --constraint requirements/lock.in --universal --python-version 3.10 \
        --generate-hashes --no-annotate --no-header --quiet
}
resolve --extra train --group dev --output-file requirements/dev.txt
resolve --extra edge --output-file requirements/edge.txt
resolve --extra tflite-runtime --group tflite-runtime-test --output-file requirements/tflite-runtime.txt
