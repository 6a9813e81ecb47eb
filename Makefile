# make demo   sets everything up and crawls the bundled outlet, offline
# make test   sets everything up and runs the suite, on SQLite and on a real PostgreSQL; .ci/run adds the long tests
# make tools  sets up pywb, cdxj-indexer, wacz and playwright, which some tests compare with (else those skip)
# make lint   style, format, types and import rules
# make soak   the long tests with full counts (hours); writes docs/soak.md
# make docs   writes docs/commands.md anew from the program's help
# make lock   writes requirements/*.txt anew from pyproject.toml
# make clean  removes the environments and what tools left

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
SETUP := .ci/setup
# Three on two cores: much of a test is waiting.
JOBS ?= 3

.DEFAULT_GOAL := help
.PHONY: help demo test tools lint format soak docs lock clean install dev

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile

# Stamps, so that a second make is instant; a changed lock or pyproject installs again.
$(VENV)/.core: pyproject.toml requirements/core.txt requirements/installer.txt $(SETUP)
	@$(SETUP) core $(VENV) < /dev/null

$(VENV)/.dev: pyproject.toml requirements/dev.txt requirements/installer.txt $(SETUP)
	@$(SETUP) dev $(VENV) < /dev/null

install: $(VENV)/.core

dev: $(VENV)/.dev

demo: $(VENV)/.core
	@$(BIN)/presskeep demo

test: $(VENV)/.dev
	@$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -q

tools:
	@.ci/tools

lint: $(VENV)/.dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

format: $(VENV)/.dev
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

soak: $(VENV)/.dev
	@$(BIN)/python -m tests.soak

docs: $(VENV)/.dev
	@$(BIN)/python -m tests.keep_help

lock: $(VENV)/.dev
	@$(SETUP) lock $(VENV)

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
