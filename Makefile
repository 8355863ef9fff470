# blanko: `make` lists what one can do. Nothing here needs root but `make deps`,
# `make fresh` and `make system-test-usb`, and nothing is installed outside this folder
# but by `make deps`.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PY := .venv/bin/python
SABOTAGE ?=
KEEP ?=
SEEDS ?= 20000
FROM ?= 1
RUNS ?=
MINUTES ?= 30
SEED ?= 1
# Not "?=": many have a PRINTER in their environment, for lpr.
PRINTER := evolis
DEMO_FLAGS := --printer $(PRINTER) $(if $(SABOTAGE),--sabotage $(SABOTAGE)) $(if $(KEEP),--keep)

.PHONY: help demo test coverage soak soak-real lint bench bench-exactly-once show-interop show-ledger show-doubt system-test-usb fuzz fresh deps contract docs lock clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 22

demo: ## twelve cards through broker, agent and emulated printer [PRINTER=magicard] [SABOTAGE=steal|panel] [KEEP=1]
	@scripts/venv run
	@$(PY) -m simulators demo $(DEMO_FLAGS)

test: lint ## everything that needs no more than this folder; the rest is named at the end
	@$(PY) -m pytest --numprocesses auto --dist worksteal

coverage: ## which lines and branches no test walks (slow: in one process, watched)
	@scripts/venv dev
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

soak: ## simulated worlds, drawn by seeds, as many as one likes [SEEDS=20000] [FROM=1]
	@scripts/venv dev
	@$(PY) -m tests.world --seeds $(SEEDS) --from $(FROM)

soak-real: ## real processes: kills, faults and hands at random, memory watched [MINUTES=30] [SEED=1] [SABOTAGE=steal|leak]
	@scripts/venv dev
	@$(PY) -m tests.chaos.soak --minutes $(MINUTES) --seed $(SEED) $(if $(SABOTAGE),--sabotage $(SABOTAGE))

bench: ## measured figures, each beside its peer's in the same run
	@scripts/venv dev
	@$(PY) -m bench

bench-exactly-once: ## the same kills and cuts on the same printer: CUPS beside blanko [RUNS=3] [SABOTAGE=boast|double]
	@scripts/venv dev
	@$(PY) -m bench.exactly_once --runs $(or $(RUNS),3) $(if $(SABOTAGE),--sabotage $(SABOTAGE))

show-interop: ## the vendor's SDK and Gutenprint on the emulators: faults, pictures compared
	@scripts/venv dev
	@$(PY) -m tests.interop.evolis_sdk.show
	@$(PY) -m tests.interop.gutenprint.show

fuzz: ## bytes of chance for every parser, guided by coverage [RUNS=50000 each]
	@scripts/venv fuzz
	@.venv-fuzz/bin/python -m tests.fuzz $(or $(RUNS),50000)

system-test-usb: ## the emulated printer as a USB device of a real kernel, under QEMU (root)
	@scripts/venv dev
	@$(PY) -m tests.system.usb

show-doubt: ## why a card was decided after a crash, and why another waits for a person
	@scripts/venv dev
	@$(PY) -m tests.agent.doubts

show-ledger: ## verify a good, a truncated, an edited and a reordered ledger, in two ways
	@scripts/venv dev
	@$(PY) -m tests.agent.ledgers

fresh: ## a new minimal Debian, the README's apt line, a clone, both commands (root)
	@scripts/fresh

deps: ## install what the optional tests need (root): broker, Node.js, umockdev, QEMU …
	@scripts/deps

contract: ## write docs/contract anew from the code that uses it
	@scripts/venv run
	@.venv/bin/blanko contract export docs/contract

docs: ## write the pages and tables of docs/ anew, from what they tell of
	@scripts/venv dev
	@$(PY) -m protocols.evolis.status_page docs/evolis-status.md
	@$(PY) -m agent.lifecycle.cycle_page docs/card-cycle.md
	@$(PY) -m tests.interop.evolis_sdk.job_page docs/evolis-job.md
	@$(PY) -m agent.lifecycle.stock_page docs/stock.md

lock: ## resolve the dependencies anew, with hashes (needs uv)
	@scripts/lock

clean: ## remove what these commands have made
	@rm -rf .venv .venv-fuzz build demo-out .coverage .coverage.* .mypy_cache .ruff_cache \
		.pytest_cache .hypothesis .import_linter_cache
