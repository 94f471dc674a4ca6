PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test test-fast lint types format tables docs docs-fast package pictures clean

demo: $(VENV)/.demo
	$(BIN)/python examples/demo.py

test: $(VENV)/.test
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal

test-fast: $(VENV)/.test
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal -m "not slow"

lint: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python tools/check_markdown.py
	$(BIN)/mypy

types: $(VENV)/.lint
	$(BIN)/mypy

format: $(VENV)/.lint
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

tables: $(VENV)/.test
	$(BIN)/python tools/write_method_tables.py

docs: $(VENV)/.docs
	$(BIN)/python -m sphinx -b html -W --keep-going docs docs/_build/html

# Without running the gallery's examples.
docs-fast: $(VENV)/.docs
	$(BIN)/python -m sphinx -b html -W --keep-going -D plot_gallery=False docs docs/_build/fast

# Both distributions, each with the fast tests; what they depend on comes from $(VENV).
package: $(VENV)/.test
	$(BIN)/python -m pip install --quiet build twine
	$(BIN)/python tools/check_package.py --out dist --packages $$($(BIN)/python -c \
	    'import sysconfig; print(sysconfig.get_path("purelib"))')

# The pictures of the pages on methods, which are kept in the repository.
pictures: $(VENV)/.test
	cd docs && ../$(BIN)/python -m pictures

$(VENV)/.demo: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[compare]'
	touch $@

$(VENV)/.test: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	touch $@

$(VENV)/.lint: $(VENV)/.test
	$(BIN)/python -m pip install --quiet --editable '.[lint]'
	touch $@

$(VENV)/.docs: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[docs]'
	touch $@

clean:
	rm -rf docs/_build docs/auto_examples docs/api/modules docs/api/generated docs/api/backreferences
	rm -rf docs/methods/generated docs/sg_execution_times.rst
	rm -rf $(VENV) build dist *.egg-info
