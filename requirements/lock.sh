#!/bin/sh
# Resolve pyproject.toml into the locks beside this file, for every supported Python at once (needs `uv`).
set -eu
cd "$(dirname "$0")/.."
resolve() {
    uv pip compile "$@" --constraint requirements/lock.in --universal --python-version 3.10 \
        --generate-hashes --no-annotate --no-header --quiet
}
resolve pyproject.toml --extra train --group dev --output-file requirements/dev.txt
resolve pyproject.toml --extra edge --output-file requirements/edge.txt
# What the demo shares with the others is of their versions.
resolve pyproject.toml --extra edge --group demo --constraint requirements/dev.txt --output-file requirements/demo.txt
resolve pyproject.toml --extra tflite-runtime --group tflite-runtime-test --output-file requirements/tflite-runtime.txt
# Two environments of benchmarks/compatibility.
resolve pyproject.toml --extra edge --constraint requirements/litert-1.4.in --output-file requirements/litert-1.4.txt
# make fuzz; atheris has wheels for Python 3.11 and later.
resolve pyproject.toml --extra edge --group fuzz --python-version 3.11 --output-file requirements/fuzz.txt
resolve requirements/litert-quantizer.in --output-file requirements/litert-quantizer.txt
