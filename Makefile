# Everything a newcomer or CI runs. Needs python3 (3.11 or later) and make; uses uv where it is there.

SHELL := /bin/sh
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)

# Text, not make: a request about "$$500" stays one. The override holds against the command line, where it is given.
override REQUEST := $(value REQUEST)
export REQUEST
export LANGGRAPH_CLI_NO_ANALYTICS = 1
export LANGGRAPH_NO_VERSION_CHECK = true

QUICK := $(wildcard tests/plan tests/prompts/test_prompts.py tests/prompts/test_final_plan.py tests/synthesis tests/test_validator.py tests/graph/test_settings.py)

.DEFAULT_GOAL := help
.PHONY: help run test quick check dev eval bench lock recording clean

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

run: $(VENV)/run.ok ## Plan a street party, or REQUEST="anything else" (YES=--yes: fetch what it takes)
	@if [ -n "$$REQUEST" ]; then printf '%s' "$$REQUEST" > $(VENV)/request.txt && $(BIN)/orchestrate --file $(VENV)/request.txt $(YES); else $(BIN)/orchestrate demo $(YES); fi

quick: $(VENV)/dev.ok ## Run the tests of words, plans, prompts and settings, in under a minute
	@$(BIN)/python -m pytest -q $(QUICK)

test: $(VENV)/dev.ok ## Run all checks and tests
	@$(MAKE) --no-print-directory check
	@$(BIN)/python -m pytest

check: $(VENV)/dev.ok ## Lint, types, layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports | tail -1
	@echo "check: lint, format, types and layers are in order"

dev: $(VENV)/dev.ok ## Open the graph in LangGraph Studio
	@touch .env
	@$(BIN)/langgraph dev --host 127.0.0.1 --n-jobs-per-worker 10

eval: $(VENV)/dev.ok ## Measure the plan checks and the synthesis (MODEL=provider:name measures that model)
	@$(BIN)/python -m evals.plans
	@$(BIN)/python -m evals.synthesis $(if $(MODEL),--model "$(MODEL)")

bench: $(VENV)/dev.ok ## Measure speed beside LangGraph's recipe and the openai client (QUICK=1: about a minute; ONLY=group)
	@$(BIN)/python -m bench $(if $(QUICK),--quick) $(if $(ONLY),--only $(ONLY))

lock: ## Pin all dependencies by hash (needs uv)
	@uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --extra local pyproject.toml build.in -o requirements.txt
	@uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --all-extras --group dev pyproject.toml build.in -c requirements.txt -o requirements-dev.txt

recording: $(VENV)/run.ok ## Draw the graph and record the demonstration for the README
	@$(BIN)/python bench/recording.py

clean: ## Remove what the other targets made
	@rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .langgraph_api bench/out
