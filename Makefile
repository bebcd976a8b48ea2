# Medrelay's commands. On a machine with Python 3.11, git and make, `make demo` and `make test` are all it takes.
PYTHON ?= python3.11
BIN := .venv/bin
STAMP := .venv/.installed-from

.PHONY: install install-dev demo test test-long rehearse lock format clean

install: $(STAMP)-requirements.lock
install-dev: $(STAMP)-requirements-dev.lock

$(BIN)/python:
	$(PYTHON) -m venv .venv

# One lock is a superset of the other, so the larger install also satisfies the smaller.
$(STAMP)-%.lock: %.lock pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $*.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

COMPILE := $(BIN)/pip-compile --quiet --strip-extras --generate-hashes --allow-unsafe --build-deps-for editable \
	--no-header --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options
lock: | $(BIN)/python
	$(COMPILE) -o requirements.lock pyproject.toml
	$(COMPILE) --extra dev -c requirements.lock -o requirements-dev.lock pyproject.toml
