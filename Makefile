# Every check and every way to run it is defined here, once.

PYTHON ?= python3
LISTEN ?= 127.0.0.1:8000
WORKERS ?= auto
PY := .venv/bin/python
WARN := -W ignore::DeprecationWarning
# Without bytecode on disk a start compiles everything anew, which takes twice as long.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help up test simulate setup setup-dev assets lint types bench broker day docs lock clean

##@ Run
up: setup assets ## Start all four services in one process on http://127.0.0.1:8000, with the demonstration compound.
	@exec $(PY) $(WARN) -m services --listen $(LISTEN)

broker: setup assets ## Start services and relays as separate processes against a local RabbitMQ and PostgreSQL.
	@exec $(PY) $(WARN) deploy/local.py --listen $(LISTEN)

day: setup ## Drive one working day through the HTTP API of a running installation (SEED=1 ADDRESS=http://127.0.0.1:8000).
	@exec $(PY) -m deploy.day $(if $(SEED),--seed $(SEED)) --address $(or $(ADDRESS),http://$(LISTEN))

##@ Check
test: setup-dev assets ## Run the whole suite on all cores (ARGS="-n0 tests/audit"); broker, database and browser tests run where those are reachable.
	@$(PY) -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

simulate: setup-dev ## Seeded histories of the four services with faults, until one breaks (ARGS="--seed 1 --kind hop").
	@$(PY) $(WARN) -m tests.simulation $(ARGS)

lint: setup-dev ## Style and import rules.
	@$(PY) -m ruff check . && $(PY) -m ruff format --check . && .venv/bin/lint-imports

types: setup-dev ## Types, strictly.
	@$(PY) -m mypy

bench: setup-dev ## Measure every figure and write benchmarks/RESULTS.md.
	@$(PY) -m benchmarks $(ARGS)

##@ Keep
setup: ## Install the locked packages into .venv, nothing else.
	@$(PYTHON) deploy/setup.py requirements.lock

setup-dev: ## The same with the packages for checking.
	@$(PYTHON) deploy/setup.py requirements-dev.lock

assets: setup ## Fetch the locked front-end files; pages work without them.
	@$(PY) -m shared.web.vendor

docs: setup-dev ## Generate the reference pages that tests hold to the code.
	@$(PY) -m deploy.docs

lock: ## Resolve the lock files anew (needs uv).
	uv pip compile --no-strip-extras --generate-hashes --no-emit-index-url --universal --python-version 3.11 -q pyproject.toml -o requirements.lock
	uv pip compile --no-strip-extras --generate-hashes --no-emit-index-url --universal --python-version 3.11 -q pyproject.toml --extra dev -c requirements.lock -o requirements-dev.lock

clean: ## Remove what was installed, built or stored here, the databases in var/ included.
	rm -rf .venv var build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache shared/web/static/vendor node_modules

help: ## Show this.
	@awk 'BEGIN {FS = ":.*## "} /^##@ / {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile
