# Two commands do all set-up on a machine that has git, make and Python 3.11 or newer: `make demo` and `make test`.
# Every environment is made here, with plain venv and pip; a second run finds it ready.

PYTHON ?= python3
VENV := .venv
ORACLE := .venv-oracle
BENCH := build/bench
# TensorFlow's notes about CUDA and CPU flags; its errors still show. oneDNN off: the answers of the plain kernels.
QUIET_TF := TF_CPP_MIN_LOG_LEVEL=2

# TensorFlow behaves as 1.x or as 2.x in a whole process: the tests of graph_mode have processes of their own.
JUDGE = $(QUIET_TF) TF_ENABLE_ONEDNN_OPTS=0 $(ORACLE)/bin/python -m pytest -n auto \
	-o addopts="-q --strict-markers --import-mode=importlib"

.PHONY: help demo test oracle oracle-env bench bench-quick drills lint docs install-check clean

help:
	@echo "make demo    serve a small model and query it over REST and gRPC"
	@echo "make test    run the tests"
	@echo "make oracle  compare with real TensorFlow"
	@echo "make bench   time TensorFlow and Noria side by side (make bench-quick: a first look)"
	@echo "make drills  what a server must survive, tried on a real one (DRILL_OPTIONS=--full: the full sizes)"
	@echo "make install-check  install as a user does, in a fresh environment, and check what came"
	@echo "make docs    write the generated pages of docs/ anew from the code"
	@echo "make lint    ruff, mypy --strict, the import contract"

demo: $(VENV)/.ready
	$(VENV)/bin/python examples/demo.py

test: $(VENV)/.test
	$(VENV)/bin/python -m pytest -n auto

oracle: $(ORACLE)/.ready
	$(JUDGE) --ignore=tests/oracle/graph_mode tests/oracle
	$(JUDGE) tests/oracle/graph_mode

oracle-env: $(ORACLE)/.ready

bench: $(VENV)/.bench $(ORACLE)/.ready
	$(QUIET_TF) $(ORACLE)/bin/python benchmarks/make_models.py $(BENCH)/models
	$(VENV)/bin/python benchmarks/run.py --tensorflow $(ORACLE)/bin/python --models $(BENCH)/models --json $(BENCH)/result.json $(BENCH_OPTIONS)

# BENCH_OPTIONS="--quote README.md" also writes the table into the page.
bench-quick:
	$(MAKE) bench BENCH_OPTIONS=--quick

# DRILL_OPTIONS="swaps sigterm --full" runs two of them, in full size.
drills: $(VENV)/.ready
	$(VENV)/bin/python -m drills $(DRILL_OPTIONS)

lint: $(VENV)/.lint
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

docs: $(VENV)/.ready
	$(VENV)/bin/python tools/gen_op_table.py
	$(VENV)/bin/python tools/gen_v1_table.py
	$(VENV)/bin/python tools/gen_serving_pages.py
	$(VENV)/bin/python tools/gen_metrics_table.py

install-check:
	$(PYTHON) tools/check_install.py

clean:
	rm -rf $(VENV) $(ORACLE) build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

$(VENV)/.ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Noria needs Python 3.11 or newer; name one with PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(VENV)/bin/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.bench: $(VENV)/.ready
	$(VENV)/bin/python -m pip install --quiet --group bench
	@touch $@

$(VENV)/.test: $(VENV)/.ready
	$(VENV)/bin/python -m pip install --quiet --group test
	@touch $@

$(VENV)/.lint: $(VENV)/.test
	$(VENV)/bin/python -m pip install --quiet --group lint
	@touch $@

# tensorflow-serving-api and tf-keras (TensorFlow 1's layers and cells) ask for the package `tensorflow`;
# tensorflow-cpu is the same library without CUDA.
$(ORACLE)/.ready: pyproject.toml
	$(PYTHON) -m venv $(ORACLE)
	$(ORACLE)/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(ORACLE)/bin/python -m pip install --quiet --editable . --group oracle
	$(ORACLE)/bin/python -m pip install --quiet --no-deps 'tensorflow-serving-api==2.21.*' 'tf-keras==2.21.*'
	@touch $@
