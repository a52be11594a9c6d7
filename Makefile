# `make help` lists the targets. Everything lives in $(VENV); nothing is installed outside of it.

SHELL := /bin/sh
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
.DELETE_ON_ERROR:

# The first interpreter on PATH that is new enough; `make PYTHON=/path/to/python3.12` overrides.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$python && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

PORT ?= 1053
CONFIG ?= config/Corefile
JOBS ?= 4
ONLY ?=
FUZZ_EXAMPLES ?= 2000
PYTEST_ARGS ?=
# The corpus runner is a program with its own root, so mypy has to look at it from there.
RUNNER := runner kubeapi parity.py fake_kube_api.py score.py

.PHONY: help run test lint format parity bench docs soak fuzz clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | while IFS='	' read -r name text; do \
		printf '  make %-8s %s\n' "$$name" "$$text"; done

run: $(VENV)/.stamp-run ## start the server: PORT=1053, CONFIG=config/Corefile
	@printf '%s\n' \
		'' \
		'Starting on port $(PORT) with $(CONFIG); Ctrl-C ends it. In another terminal try:' \
		'' \
		'    dig @127.0.0.1 -p $(PORT) hello.resolver.test' \
		'    dig @127.0.0.1 -p $(PORT) +tcp hello.resolver.test AAAA' \
		'    dig @127.0.0.1 -p $(PORT) example.com' \
		''
	@exec $(BIN)/resolver -conf $(CONFIG) -dns.port $(PORT)

test: $(VENV)/.stamp-dev ## run the tests, the parity cases of the built directives included
	$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: $(VENV)/.stamp-dev ## ruff, mypy --strict and the architecture test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m mypy --strict
	cd tests/parity && $(abspath $(BIN))/python -m mypy --config-file ../../pyproject.toml --follow-imports=silent $(RUNNER)
	$(BIN)/python -m pytest -q tests/architecture

format: $(VENV)/.stamp-dev ## rewrite the code the way `make lint` wants it
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

parity: $(VENV)/.stamp-dev ## run the whole parity corpus and print the score: ONLY='cache/*', JOBS=4
	@$(BIN)/python tests/parity/score.py --jobs $(JOBS) --only '$(ONLY)'

bench: $(VENV)/.stamp-dev ## compare the speed with the other servers that are installed
	$(BIN)/python -m benchmarks

docs: $(VENV)/.stamp-run ## write docs/directives anew, from the plugins' own pages
	$(BIN)/python -m docs.generate

soak: $(VENV)/.stamp-dev ## minutes of mixed load: nothing may grow
	$(BIN)/python -m tests.soak

fuzz: $(VENV)/.stamp-dev ## the property tests with many more examples: FUZZ_EXAMPLES=2000
	HYPOTHESIS_PROFILE=fuzz FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) $(BIN)/python -m pytest -q -m hypothesis $(PYTEST_ARGS)

clean: ## remove the environment and everything else that was generated
	rm -rf $(VENV) build dist *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache tests/parity/.mypy_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Installing takes most of the time of a first run, so each set of packages is installed once per pyproject.toml.
$(BIN)/python:
	@[ -n "$(PYTHON)" ] || { echo 'make: Python 3.11 or newer is needed; name one with PYTHON=/path/to/python3' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.stamp-run: pyproject.toml | $(BIN)/python
	@echo 'Installing into $(VENV), once'
	@$(PIP) install --editable '.[speed]' || { echo 'No uvloop for this machine; going on without it.'; \
		$(PIP) install --editable .; }
	@touch $@

$(VENV)/.stamp-dev: pyproject.toml $(VENV)/.stamp-run
	@echo 'Installing the tools for tests and checks, once'
	@$(PIP) install --editable '.[dev]'
	@touch $@
