# Two commands: `make run` for a first campaign, `make test` for the tests. Both make .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The build backend warns of every editable installation.
PIP := PYTHONWARNINGS=ignore $(BIN)/pip install --quiet
EXAMPLE := examples/lithium_silicon.yaml

.PHONY: run test lint types clean

run: $(VENV)/.installed
	$(BIN)/anodeflow run $(EXAMPLE)

test: $(VENV)/.installed-test
	$(BIN)/python -m pytest -n logical --dist loadfile

lint: $(VENV)/.installed-lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/lint-imports
	$(MAKE) types

# mypy looks for a folder of the package's name, and a checkout may have any name.
types:
	mkdir -p $(VENV)/import && ln -sfn ../.. $(VENV)/import/anodeflow
	MYPYPATH=$(VENV)/import $(BIN)/mypy -p anodeflow

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "anodeflow needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)
	$(PIP) --upgrade pip

$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(PIP) --editable .
	touch $@

# torch alone and by its exact version first: a range takes the newest build with several gigabytes of CUDA.
$(VENV)/.installed-test: pyproject.toml .ci/gpaw_siteconfig.py | $(BIN)/python
	$(PIP) 'torch==2.13.0'
	$(PIP) --editable '.[test,ml]'
	.ci/build_gpaw $(VENV)
	touch $@ $(VENV)/.installed

$(VENV)/.installed-lint: pyproject.toml | $(BIN)/python
	$(PIP) 'torch==2.13.0'
	$(PIP) --editable '.[test,ml,lint]'
	touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) build *.egg-info
