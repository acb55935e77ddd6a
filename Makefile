# `make demo` and `make test` do everything on a system with Python, make and a C++ compiler.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-slow boards release docs sizes lint mutants mutants-drawn wheel-check clean

demo: .venv/ready
	$(BIN)/ohmprop demo --out runs/demo

# A worker that has nothing left takes tests from the other one.
test: .venv/ready
	$(BIN)/python -m pytest -n 2 --dist worksteal

test-slow: .venv/ready
	$(BIN)/python -m pytest -n 2 -m slow

# Every machine that docs/boards holds a report of; minutes each, those of the ULX3S most.
boards: .venv/ready
	$(BIN)/python -m scripts.boards

# The bitstreams of `make boards`, each with its machine and report, and checksums of all, in build/release.
release: .venv/ready
	$(BIN)/python -m scripts.release

# The iCEBreaker's machines are synthesised again; their size is compared with the reports in docs/boards and with the FPGA.
sizes: .venv/ready
	$(BIN)/python -m pytest -n 2 -m slow -k outgrow tests/boards/test_boards.py

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@mkdir -p build/types/ohmprop
	@for room in model analog hw sim boards host; do ln -sfn ../../../$$room build/types/ohmprop/$$room; done
	@cp ohmprop/*.py build/types/ohmprop/
	$(BIN)/mypy
	$(BIN)/python -m scripts.imports
	$(BIN)/python -m scripts.sizes

# The site in build/site: the manual, notebooks that are run, the public door. Any warning is an error.
docs: .venv/ready
	$(BIN)/python -m sphinx -W --keep-going -q -E -b html -d build/doctrees docs build/site

mutants: .venv/ready
	$(BIN)/python -m tests.mutants

# Those of the files that the last commit changed, and some that are drawn by its hash.
mutants-drawn: .venv/ready
	$(BIN)/python -m tests.mutants --draw 30

# The wheel, installed in a fresh environment.
wheel-check: .venv/ready
	$(BIN)/python -m scripts.wheel_check

clean:
	rm -rf .venv build runs *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

# The environment is made again when pyproject.toml or setup.py changes. Debian's python3 comes without ensurepip, so the venv module
# may fail there; then virtualenv, uv or the system's pip make the same environment.
.venv/ready: pyproject.toml setup.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo \
	    "ohmprop needs Python 3.11 or newer, and '$(PYTHON)' is not; install one and name it: make PYTHON=python3.11 ..." \
	    >&2; exit 1; }
	@for compiler in "$${CXX%% *}" g++ clang++; do command -v "$$compiler" >/dev/null && exit 0; done; echo \
	    "ohmprop's simulators need a C++ compiler; install one: sudo apt install g++" >&2; exit 1
	@rm -rf .venv
	@$(PYTHON) -m venv .venv >/dev/null 2>&1 \
	    || virtualenv --quiet --clear --python $(PYTHON) .venv 2>/dev/null \
	    || uv venv --quiet --clear --seed --python $(PYTHON) .venv 2>/dev/null \
	    || { $(PYTHON) -m venv --without-pip --clear .venv \
	         && $(PYTHON) -m pip --quiet --python $(BIN)/python install pip; } 2>/dev/null \
	    || { rm -rf .venv; echo \
	    "'$(PYTHON)' cannot make a virtual environment; install what it lacks: sudo apt install python3-venv" >&2; exit 1; }
	@echo "installing ohmprop and its Python packages into .venv"
	@$(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --editable '.[all]'
	@touch $@
