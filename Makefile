# Handrail from a fresh clone: needs Python 3.11 or later and make. `make help` lists what there is.

# Whatever PYTHON is called, it must be able to make a virtual environment; Debian leaves ensurepip out of its own.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	"$$python" -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$python" && exit; done)
VENV := .venv
BIN := $(VENV)/bin
# What the demo needs comes quickly; what the tests need is more.
DEMO := $(VENV)/installed-for-the-demo
STAMP := $(VENV)/installed
CODE := bot commands integrations ops sandbox tests
ARGS ?=
SECONDS ?= 120
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help demo tour test test-page test-n8n services contracts crash hostile bench check format docs lock clean

help: ## What there is to make
	@sed -nE 's/^([a-z0-9-]+):.*## (.*)/\1\t\2/p' $(firstword $(MAKEFILE_LIST)) | awk -F '\t' '{ printf "make %-10s %s\n", $$1, $$2 }'

demo: $(DEMO) ## A local Slack in the browser, with a small world to mend; no accounts needed
	@exec $(BIN)/ops demo $(ARGS)

tour: $(STAMP) ## The demo's conversation, printed, with pictures where Chromium is installed
	@$(BIN)/ops demo --tour $(ARGS)

test: $(STAMP) ## All tests but those in a browser and against a real n8n (ARGS= is passed to pytest)
	@$(BIN)/pytest -q -n 2 -m "not page and not n8n" $(ARGS)

test-page: $(STAMP) ## The local Slack's page in Chromium; installs Debian's where it is missing and may be
	@if sh .ci/chromium; then $(BIN)/pytest -q -m page $(ARGS); fi

test-n8n: $(STAMP) ## Against a real n8n; the first time takes about 8 minutes and 3 GB
	@status=0; $(BIN)/python -m tests.n8n.install || status=$$?; \
	case $$status in 0) $(BIN)/pytest -q -m n8n $(ARGS) ;; 3) ;; *) exit $$status ;; esac

services: $(STAMP) ## Every command against every service that can do it, as a matrix; fails on a hole
	@$(BIN)/python -m tests.services $(ARGS)

contracts: $(STAMP) ## How many requests of each vendor's operations were held against its own description
	@$(BIN)/python -m tests.contracts $(ARGS)

crash: $(STAMP) ## Kill three bots at the worst moments for SECONDS=120, then count what went wrong
	@$(BIN)/python -m tests.crash --seconds $(SECONDS) $(ARGS)

hostile: $(STAMP) ## Malformed, forged, replayed and odd inputs against bots that run, and a count of what came of them
	@$(BIN)/python -m tests.hostile $(ARGS)

bench: $(STAMP) ## Measure against bare Bolt; docs/performance.md has the table
	@$(BIN)/python -m tests.bench $(ARGS)

check: $(STAMP) ## Lint, formatting, types, and who may import whom
	@$(BIN)/ruff check --quiet $(CODE)
	@$(BIN)/ruff format --quiet --check $(CODE) || { echo "make format puts that right"; exit 1; }
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-logo

format: $(STAMP) ## Put formatting and import order right
	@$(BIN)/ruff check --quiet --fix $(CODE); $(BIN)/ruff format --quiet $(CODE)

docs: $(STAMP) ## Write docs/services.md anew from the services' own settings
	@$(BIN)/python -m tests.services.page

lock: $(STAMP) ## Write constraints.txt anew, with the newest versions that pyproject.toml allows
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --all-extras \
		--no-annotate --no-header --output-file constraints.txt pyproject.toml
	@echo "constraints.txt: $$(grep -c == constraints.txt) pinned"

clean: ## Remove the virtual environment and caches; the demo's data in .ops stays
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info

define install
	@test -n "$(PYTHON)" || { echo "Handrail needs Python 3.11 or later with venv (Debian: apt install python3-venv)."; exit 1; }
	@echo "Installing into $(VENV) with $(PYTHON); about a minute, once"
	@test -x $(BIN)/python || "$(PYTHON)" -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --constraint constraints.txt --editable '.[$(EXTRAS)]'
endef

$(DEMO): EXTRAS := embedded
$(DEMO): pyproject.toml constraints.txt
	$(install)
	@touch $@

$(STAMP): EXTRAS := embedded,page,dev
$(STAMP): pyproject.toml constraints.txt
	$(install)
	@touch $(DEMO) $@
