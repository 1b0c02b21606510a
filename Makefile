# Two commands: `make demo` to see it, `make test` to trust it. `make test-slow` builds every model in full size.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: demo test test-slow check install install-dev clean

demo: install
	$(BIN)/livevec demo $(DEMO)

test: install-dev
	$(BIN)/pytest -m 'not slow' $(TESTS)

test-slow: install-dev
	$(BIN)/pytest -m slow $(TESTS)

check: install-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

install: $(VENV)/.installed
install-dev: $(VENV)/.installed-dev

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# --no-warn-script-location: the commands are called by their path here
$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --progress-bar on --no-warn-script-location -e '.[demo]'
	touch $@

$(VENV)/.installed-dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --progress-bar on --no-warn-script-location -e '.[dev]'
	touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
