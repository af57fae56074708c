# Everything a newcomer or CI runs. Needs python3 (3.11 or later) and make; uses uv where it is there.

SHELL := /bin/sh
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
EVALS := .venv-evals
DEEPAGENTS := .venv-deepagents
UV := $(shell command -v uv 2>/dev/null)

# Text, not make: a request about "$$500" stays one. The override holds against the command line, where it is given.
override REQUEST := $(value REQUEST)
export REQUEST
export LANGGRAPH_CLI_NO_ANALYTICS = 1
export LANGGRAPH_NO_VERSION_CHECK = true

# The engine of the cluster needs a newer Python than the rest; where there is none its tests are skipped, and say so.
CLUSTER := .venv-cluster
PYTHON312 ?= $(shell for one in python3.12 python3.13 python3 $$HOME/.pyenv/versions/3.1[23]*/bin/python; do \
  "$$one" -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null && { command -v "$$one"; break; }; done)

STEPS := $(foreach step,planner validator worker synthesiser,tests/test_$(step).py)
QUICK_TESTS := $(STEPS) $(wildcard tests/plan tests/synthesis tests/prompts/test_prompts.py tests/prompts/test_final_plan.py tests/graph/test_settings.py)

.DEFAULT_GOAL := help
.PHONY: help run test quick check dev eval install-evals deepagents bench cluster cluster-test lock recording clean

help: ## Show what there is
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

$(VENV)/python.ok:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "python 3.11 or later is needed; $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.12 …" >&2; exit 2; }
	@if [ -n "$(UV)" ]; then $(UV) venv -q --allow-existing --python "$$(command -v $(PYTHON))" $(VENV); else $(PYTHON) -m venv $(VENV); fi
	@touch $@

$(VENV)/run.ok: $(VENV)/python.ok requirements.txt pyproject.toml
	@echo "Setting up $(VENV) …" >&2
	@$(call install,requirements.txt)
	@touch $@

$(VENV)/dev.ok: $(VENV)/run.ok requirements-dev.txt
	@$(call install,requirements-dev.txt)
	@touch $@

define install
if [ -n "$(UV)" ]; then \
  VIRTUAL_ENV=$(VENV) $(UV) pip install -q --require-hashes -r $(1) && VIRTUAL_ENV=$(VENV) $(UV) pip install -q --no-deps --no-build-isolation -e . ; \
else \
  $(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r $(1) && $(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e . ; \
fi
endef

$(CLUSTER)/ok: deploy/requirements.txt pyproject.toml
	@[ -n "$(PYTHON312)" ] && "$(PYTHON312)" -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null || { \
	  echo "the cluster's engine (aegra-api 0.11) needs Python 3.12 or later$(if $(PYTHON312),; $(PYTHON312) is none,, and none is found)." >&2; \
	  echo "Install one (Debian 13 and Ubuntu 24.04 have it; pyenv or conda elsewhere) and name it: make cluster PYTHON312=/path/to/python3.12" >&2; exit 2; }
	@echo "Setting up $(CLUSTER) …" >&2
	@if [ -n "$(UV)" ]; then $(UV) venv -q --allow-existing --python "$(PYTHON312)" $(CLUSTER); else "$(PYTHON312)" -m venv $(CLUSTER); fi
	@$(MAKE) --no-print-directory VENV=$(CLUSTER) .install-cluster
	@touch $@

.PHONY: .install-cluster
.install-cluster:
	@$(call install,deploy/requirements.txt)

run: $(VENV)/run.ok ## Plan a street party, or REQUEST="anything else" (YES=--yes: fetch what it takes)
	@if [ -n "$$REQUEST" ]; then printf '%s' "$$REQUEST" > $(VENV)/request.txt && $(BIN)/orchestrate --file $(VENV)/request.txt $(YES); else $(BIN)/orchestrate demo $(YES); fi

quick: $(VENV)/dev.ok ## Run the tests of the steps, plans, prompts, answers and settings, in under a minute
	@$(BIN)/python -m pytest -q $(QUICK_TESTS)

test: $(VENV)/dev.ok ## Run all checks and tests
	@$(MAKE) --no-print-directory check
	@$(if $(PYTHON312),$(MAKE) --no-print-directory $(CLUSTER)/ok,echo "No Python 3.12 or later here: the cluster's tests will be skipped." >&2)
	@$(BIN)/python -m pytest --ignore=tests/cluster
	@$(BIN)/python -m pytest -n 0 tests/cluster
	@$(MAKE) --no-print-directory $(EVALS)/evals.ok && $(EVALS)/bin/python -m pytest -q -n 0 tests/evals/test_suites.py
	@$(BIN)/mypy --python-executable $(EVALS)/bin/python --cache-dir .mypy_cache/evals --follow-imports silent evals/suites.py evals/logs.py

check: $(VENV)/dev.ok ## Lint, types, layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports | tail -1
	@echo "check: lint, format, types and layers are in order"

dev: $(VENV)/dev.ok ## Open the graph in LangGraph Studio
	@touch .env
	@$(BIN)/langgraph dev --host 127.0.0.1 --n-jobs-per-worker 10

cluster: $(VENV)/run.ok $(CLUSTER)/ok ## Serve the graph by two processes on PostgreSQL and Redis (ARGS="--port 9000 --servers 4")
	@$(BIN)/python -m deploy.cluster $(ARGS)

cluster-test: $(VENV)/dev.ok $(CLUSTER)/ok ## Kill, stall, drain and cut off the cluster's processes, and see every run end
	@$(BIN)/python -m pytest -n 0 tests/cluster

eval: $(EVALS)/evals.ok ## Measure plans, conflicts, survival, equal tokens (MODEL=provider:name JUDGE=provider/name LIMIT= EPOCHS= SUITE= LOGS= YES=--yes)
	@$(if $(MODEL)$(LOGS),,$(EVALS)/bin/python -m evals.plans && $(EVALS)/bin/python -m evals.synthesis)
	@$(EVALS)/bin/python -m evals $(if $(MODEL),--model "$(MODEL)") $(if $(JUDGE),--judge "$(JUDGE)") $(if $(LIMIT),--limit $(LIMIT)) $(if $(EPOCHS),--epochs $(EPOCHS)) $(if $(LOGS),--logs "$(LOGS)") $(foreach suite,$(SUITE),--suite $(suite)) $(foreach set,$(DATA),--data $(set)) $(YES)

# inspect-ai has an environment of its own: it needs older fsspec and python-dateutil than ours, and brings numpy.
$(EVALS)/evals.ok: requirements-evals.txt pyproject.toml
	@$(MAKE) --no-print-directory VENV=$(EVALS) $(EVALS)/python.ok
	@echo "Setting up $(EVALS) …" >&2
	@$(MAKE) --no-print-directory VENV=$(EVALS) install-evals
	@touch $@

install-evals:
	@$(call install,requirements-evals.txt)

deepagents: $(DEEPAGENTS)/deepagents.ok ## Install deepagents, a baseline of the survival suite, in an environment of its own

$(DEEPAGENTS)/deepagents.ok: evals/requirements-deepagents.txt
	@$(PYTHON) -m venv $(DEEPAGENTS)
	@$(DEEPAGENTS)/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r $<
	@touch $@

bench: $(VENV)/dev.ok ## Measure speed beside LangGraph's recipe and the openai client (QUICK=1: about three minutes; ONLY=group)
	@$(BIN)/python -m bench $(if $(QUICK),--quick) $(if $(ONLY),--only $(ONLY))

lock: ## Pin all dependencies by hash (needs uv)
	@uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --extra local pyproject.toml build.in -o requirements.txt
	@uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --all-extras --group dev pyproject.toml build.in -c requirements.txt -o requirements-dev.txt
	@uv pip compile -q --universal --python-version 3.12 --generate-hashes --no-emit-index-url --no-header --no-annotate --extra anthropic --extra google --extra mcp --extra postgres --extra redis --extra jwt pyproject.toml build.in deploy/requirements.in -c requirements-dev.txt -o deploy/requirements.txt
	@grep -E '^[a-z]' requirements.txt | grep -vE '^(fsspec|python-dateutil)==' | sed 's/ \\$$//' > $(VENV)/pins.txt
	@uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --extra anthropic --extra google --group evals pyproject.toml build.in -c $(VENV)/pins.txt -o requirements-evals.txt
	@uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate evals/deepagents.in -o evals/requirements-deepagents.txt

recording: $(VENV)/run.ok ## Draw the graph and record the demonstration for the README
	@$(BIN)/python bench/recording.py

clean: ## Remove what the other targets made
	@rm -rf $(VENV) $(EVALS) $(DEEPAGENTS) $(CLUSTER) .cluster build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .langgraph_api bench/out
