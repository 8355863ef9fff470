# blanko: `make` lists what one can do. Nothing here needs root but `make deps` and
# `make fresh`, and nothing is installed outside this folder but by `make deps`.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PY := .venv/bin/python
SABOTAGE ?=
KEEP ?=
DEMO_FLAGS := $(if $(SABOTAGE),--sabotage $(SABOTAGE)) $(if $(KEEP),--keep)

.PHONY: help demo test lint bench fresh deps contract docs lock clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 18

demo: ## twelve cards through broker, agent and emulated printer [SABOTAGE=steal|panel] [KEEP=1]
	@scripts/venv run
	@$(PY) -m simulators demo $(DEMO_FLAGS)

test: lint ## everything that needs no more than this folder; the rest is named at the end
	@rm -f .coverage .coverage.*
	@$(PY) -m coverage run -m pytest
	@$(PY) -m coverage combine --quiet
	@$(PY) -m coverage report

lint: ## style, types and who may import whom
	@scripts/venv dev
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports --no-logo

bench: ## measured figures, each beside its peer's in the same run
	@scripts/venv dev
	@$(PY) -m bench

fresh: ## a new minimal Debian, the README's apt line, a clone, both commands (root)
	@scripts/fresh

deps: ## install what the optional tests need (root): broker, Node.js, mmdebstrap
	@scripts/deps

contract: ## write docs/contract anew from the code that uses it
	@scripts/venv run
	@.venv/bin/blanko contract export docs/contract

docs: ## write docs/evolis-status.md anew from the table of status bits
	@scripts/venv run
	@$(PY) -m protocols.evolis.status_page docs/evolis-status.md

lock: ## resolve the dependencies anew, with hashes (needs uv)
	@scripts/lock

clean: ## remove what these commands have made
	@rm -rf .venv build demo-out .coverage .coverage.* .mypy_cache .ruff_cache \
		.pytest_cache .hypothesis .import_linter_cache
