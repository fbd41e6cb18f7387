# Each target does its own set-up: `make demo` installs what the demo runs, `make test` what is missing beside that.
PYTHON ?= python3
VENV := .venv
VENV3 := .venv-gradio3
PIP_INSTALL := -m pip install --disable-pip-version-check
CPU_TORCH := $$($(PYTHON) requirements/torch_index.py)
PARALLEL ?= -n 2 --dist loadgroup --no-loadscope-reorder

.PHONY: help demo serve test test-all test-gradio3 lint types bench environments clean
help:
	@echo "make demo    a few methods on the tiny models: table, and demo/out/compare.png"
	@echo "make serve   the page with the accordion, on the embedded WebUI: press Generate"
	@echo "make test    all tests: embedded WebUI, and every real one that is linked"
	@echo "make lint    ruff;   make types    pyright;   make bench    figures;   make clean"

# -- environments: gradio 4 as Forge ships it, gradio 3 as AUTOMATIC1111 does
$(VENV)/.demo: requirements/common.txt requirements/demo.txt requirements/no-deps.txt
	@echo "Setting up $(VENV) for the demo, about 1600 MB on the disk. This takes some minutes."
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python $(PIP_INSTALL) $(CPU_TORCH) -r requirements/demo.txt
	$(VENV)/bin/python $(PIP_INSTALL) --no-deps -r requirements/no-deps.txt
	@touch $@

$(VENV)/.ready: $(VENV)/.demo requirements/test.txt requirements/pytest.txt
	@echo "Setting up $(VENV) for the tests, about 500 MB more on the disk."
	$(VENV)/bin/python $(PIP_INSTALL) -r requirements/test.txt
	@touch $@

$(VENV3)/.ready: requirements/common.txt requirements/gradio3.txt requirements/pytest.txt requirements/no-deps.txt
	@echo "Setting up $(VENV3) for the page's tests on gradio 3, about 1600 MB on the disk. This takes some minutes."
	$(PYTHON) -m venv $(VENV3)
	$(VENV3)/bin/python $(PIP_INSTALL) $(CPU_TORCH) -r requirements/gradio3.txt
	$(VENV3)/bin/python $(PIP_INSTALL) --no-deps -r requirements/no-deps.txt
	@touch $@

environments: $(VENV)/.ready $(VENV3)/.ready

demo: $(VENV)/.demo
	$(VENV)/bin/python -m demo

serve: $(VENV)/.demo
	$(VENV)/bin/python -m demo.serve --example

test: $(VENV)/.ready test-gradio3
	$(VENV)/bin/python -m pytest $(PARALLEL) -m "not slow"

test-all: $(VENV)/.ready test-gradio3
	$(VENV)/bin/python -m pytest $(PARALLEL)

test-gradio3: $(VENV3)/.ready
	$(VENV3)/bin/python -m pytest $(PARALLEL) tests/ui tests/downloads tests/demo/test_page.py tests/demo/test_example.py tests/host/test_access.py

lint: $(VENV)/.ready
	$(VENV)/bin/ruff check .

types: $(VENV)/.ready
	$(VENV)/bin/pyright

bench: $(VENV)/.ready
	$(VENV)/bin/python -m tests.webui.bench

clean:
	rm -rf $(VENV) $(VENV3) demo/out lab/out .pytest_cache .ruff_cache .hypothesis
