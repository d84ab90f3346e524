# make demo: from clone to report. make test: the tests. Both install into .venv first, once.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check --quiet
NEEDS = pyproject.toml constraints.txt
ARGS ?=

.PHONY: demo test lint types docs speed clean

demo: $(VENV)/.run
	$(BIN)/warmnas study --benchmark nasbench201 nasbench-graph --task ImageNet16-120 physics \
		--optimizer random rea local tpe gp nao live-params source-ranking rgpe xfernas warm \
		--runs 30 --budget 100 --out demo $(ARGS)

test: $(VENV)/.test
	$(BIN)/python -m pytest -n auto --maxprocesses 8 $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(MAKE) --no-print-directory types

# mypy takes a package's name from its folder, so it looks at the checkout through a link called warmnas.
types: $(VENV)/.dev
	@bin=$$(cd $(BIN) && pwd) && link=$$(mktemp -d) && trap 'rm -rf "$$link"' EXIT && ln -s "$(CURDIR)" "$$link/warmnas" && cd "$$link" \
		&& "$$bin/mypy" --config-file warmnas/pyproject.toml --cache-dir "$(CURDIR)/.mypy_cache" warmnas

# The site, into site/; a warning ends it.
docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build

speed: $(VENV)/.run
	$(BIN)/python tests/speed/compare.py $(ARGS)
	$(BIN)/python tests/speed/files.py

clean:
	rm -rf .venv build dist demo site *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp per set of dependencies; each is made again when the pins or pyproject.toml change.
$(VENV)/.run: $(VENV)/.made $(NEEDS)
	@echo "Installing warmnas (torch is the large part of it) ..."
	$(PIP) install -c constraints.txt -e .
	@touch $@

$(VENV)/.test: $(VENV)/.made $(NEEDS)
	@echo "Installing warmnas and what its tests need ..."
	$(PIP) install -c constraints.txt -e '.[test]'
	@touch $@ $(VENV)/.run

$(VENV)/.dev: $(VENV)/.made $(NEEDS)
	@echo "Installing warmnas and its development tools ..."
	$(PIP) install -c constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/.run $(VENV)/.test

$(VENV)/.docs: $(VENV)/.made $(NEEDS)
	@echo "Installing warmnas and what builds its documentation ..."
	$(PIP) install -c constraints.txt -e '.[docs]'
	@touch $@ $(VENV)/.run

$(VENV)/.made:
	@command -v $(PYTHON) >/dev/null || { echo "No '$(PYTHON)' here: install Python 3.11 or newer, or say make PYTHON=/path/to/python"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is too old: Python 3.11 or newer is needed; say make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 || $(PYTHON) -m virtualenv --quiet $(VENV) 2>/dev/null \
		|| { rm -rf $(VENV); echo "Cannot create $(VENV): the module venv is missing; on Debian: apt install python3-venv"; exit 1; }
	@touch $@
