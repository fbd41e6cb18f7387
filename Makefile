# Two commands do all their own set-up: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
VENV3 := .venv-gradio3
PIP_FLAGS := --quiet --disable-pip-version-check

.PHONY: help demo serve test test-gradio3 lint types bench clean
help:
	@echo "make demo    a few methods on the tiny models: table, and demo/out/compare.png"
	@echo "make serve   the page with the accordion, on the embedded WebUI"
	@echo "make test    all tests: embedded WebUI, and every real one that is linked"
	@echo "make lint    ruff;   make types    pyright;   make bench    figures;   make clean"

# -- environments: gradio 4 as Forge ships it, gradio 3 as AUTOMATIC1111 does
$(VENV)/.ready: requirements/test.txt requirements/no-deps.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install $(PIP_FLAGS) -r requirements/test.txt
	$(VENV)/bin/pip install $(PIP_FLAGS) --no-deps -r requirements/no-deps.txt
	@touch $@

$(VENV3)/.ready: requirements/gradio3.txt requirements/no-deps.txt
	$(PYTHON) -m venv $(VENV3)
	$(VENV3)/bin/pip install $(PIP_FLAGS) -r requirements/gradio3.txt
	$(VENV3)/bin/pip install $(PIP_FLAGS) --no-deps -r requirements/no-deps.txt
	@touch $@

demo: $(VENV)/.ready
	$(VENV)/bin/python -m demo

serve: $(VENV)/.ready
	$(VENV)/bin/python -m demo.serve

test: $(VENV)/.ready test-gradio3
	$(VENV)/bin/python -m pytest

test-gradio3: $(VENV3)/.ready
	$(VENV3)/bin/python -m pytest tests/ui tests/downloads tests/demo/test_page.py

lint: $(VENV)/.ready
	$(VENV)/bin/ruff check .

types: $(VENV)/.ready
	$(VENV)/bin/pyright

bench: $(VENV)/.ready
	$(VENV)/bin/python -m tests.webui.bench

clean:
	rm -rf $(VENV) $(VENV3) demo/out lab/out .pytest_cache .ruff_cache .hypothesis
