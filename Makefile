# `make help` lists the targets. A bare Debian 12 or 13 with git and make is enough; run as root.

SHELL := /bin/bash
.DEFAULT_GOAL := help

LAB := tests/lab
VENV := $(CURDIR)/.venv
BIN := $(VENV)/bin
CACHE := $(or $(DAEMONLESS_LAB_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/daemonless-lab)
BENCH_VENV := $(CACHE)/bench-venv
OUTPUT := tests/output
PYTEST := $(BIN)/python -m pytest
JOBS ?= 2

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{ printf "  %-14s %s\n", $$1, $$2 }'

.PHONY: packages
packages: ## Install the Debian packages that the tests and the demo need
	@$(LAB)/packages $(LAB)/packages-host.txt

.PHONY: venv
venv: packages ## Make .venv with the pinned tools
	@$(LAB)/venv $(VENV) requirements/dev.txt

.PHONY: setup
setup: packages venv ## Everything that `make check` and `make demo` need

.PHONY: judge
judge: packages venv ## Make the cached Debian 13 root with podman 5 that judges our work; prints its path
	@PATH="$(BIN):$$PATH" $(LAB)/judge

.PHONY: lint
lint: venv ## ruff
	@$(BIN)/ruff check .

.PHONY: types
types: venv ## mypy --strict on the engine, as Python 3.9 reads it
	@cd plugins/module_utils && $(BIN)/mypy --strict --python-version 3.9 --config-file $(CURDIR)/pyproject.toml \
		--cache-dir $(CURDIR)/.mypy_cache -p engine

.PHONY: unit
unit: venv ## Unit tests (seconds)
	@$(PYTEST) tests/unit -q -n $(JOBS)

.PHONY: check
check: lint types unit ## The quick round: lint, types, unit tests

.PHONY: integration
integration: venv judge ## Tests with real runtimes, networks and registries, each on a machine of its own
	@$(PYTEST) tests/integration -n $(JOBS) --dist loadscope

.PHONY: molecule
molecule: venv judge ## The journeys: molecule scenarios, started from pytest
	@$(PYTEST) tests/integration/molecule

.PHONY: fuzz
fuzz: venv ## Fuzz the parsers, SECONDS each, from where the last run ended; findings go to tests/fuzz/corpus
	@cd tests && $(BIN)/python -m fuzz $(TARGETS) --seconds $(or $(SECONDS),60) --grow $(CACHE)/fuzz

.PHONY: sanity
sanity: venv ## ansible-test sanity, without any ignore file
	@$(LAB)/sanity $(BIN)

.PHONY: build
build: venv ## Build the collection tarball into build/
	@$(BIN)/ansible-galaxy collection build --force --output-path build .

.PHONY: test
test: setup judge ## Everything that CI runs
	@$(LAB)/test $(BIN)

.PHONY: test-vm
test-vm: setup ## The journey on a virtual host: systemd, limits that bite, reboots (an emulated machine: some 15 minutes)
	@$(LAB)/packages $(LAB)/packages-vm.txt
	@$(LAB)/vm-test $(BIN) $(SUITE)

.PHONY: test-vm-pair
test-vm-pair: setup ## A container and a pod move between two virtual hosts, memory ahead and connections kept (some 30 minutes)
	@$(LAB)/packages $(LAB)/packages-vm.txt
	@$(LAB)/vm-test $(BIN) $(or $(SUITE),trixie) pair

.PHONY: test-long
test-long: setup judge ## What is too long for every run: layers of a million entries, thousands of random trees (minutes)
	@$(PYTEST) tests -m slow -n $(JOBS) --dist loadscope

.PHONY: demo
demo: setup ## From nothing to a container that serves a page, twice, and then a check with a diff
	@$(LAB)/demo $(BIN)

.PHONY: demo-clean
demo-clean: setup ## Remove what `make demo` made
	@$(LAB)/demo $(BIN) remove

.PHONY: bench-venv
bench-venv: packages
	@$(LAB)/venv $(BENCH_VENV) requirements/bench.txt

.PHONY: bench
bench: setup judge bench-venv ## Side-by-side timings against podman and containers.podman
	@BENCH_VENV=$(BENCH_VENV) BENCH_OLDER=$$(bench/older-root) $(BIN)/python -m bench

.PHONY: pins
pins: ## Pin the newest tools that requirements/*.in allow
	@for name in dev bench; do $(LAB)/pins requirements/$$name.in requirements/$$name.txt; done

.PHONY: clean
clean: ## Remove what the targets made inside the checkout
	rm -rf .venv .venv.lock build $(OUTPUT) .mypy_cache .ruff_cache .pytest_cache .hypothesis .ansible
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: distclean
distclean: clean ## Remove the cache outside the checkout as well
	rm -rf $(CACHE)
