PY ?= python3
BIN := .venv/bin
EXTRAS := torch,local,data,gym,report,rl,dev

.PHONY: demo test test-pages test-slow test-faults test-wheel check bench paper-dry-run install clean

demo: .venv/.installed  ## the whole pipeline on the bundled model
	$(BIN)/arts demo

test: .venv/.installed  ## the suite
	$(BIN)/pytest -m "not slow"

test-pages: .venv/.installed  ## the pages, opened in Chromium; as root it installs Debian's where there is none
	tests/pages/install-chromium
	$(BIN)/pytest -m pages

test-slow: .venv/.installed  ## long science checks
	$(BIN)/pytest -m slow

test-faults: .venv/.installed  ## every command killed 20 times, and all other ways to lose something
	ARTS_TEST_KILLS=20 $(BIN)/pytest tests/faults

test-wheel:  ## the built wheel in a bare environment
	tests/wheel/check $(PY)

check: .venv/.installed  ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: .venv/.installed  ## measured ratios, printed beside each other
	for script in benchmarks/bench_*.py; do $(BIN)/python $$script; done

paper-dry-run: .venv/.installed  ## the paper's configuration from end to end, with small models in place of the large
	rm -rf runs/paper-dry-run
	for stage in rl sample train evaluate; do $(BIN)/python benchmarks/study_paper.py $$stage --small || exit 1; done
	$(BIN)/python benchmarks/page_paper.py --reports runs/paper-dry-run/runs/paper --hardest 3 --rehearsal > runs/paper-dry-run/paper.md

install: .venv/.installed

.venv/.installed: pyproject.toml
	$(PY) -c 'import sys; sys.exit("arts needs Python 3.11 or newer") if sys.version_info < (3, 11) else None'
	test -x $(BIN)/python || $(PY) -m venv .venv
	$(BIN)/python -m pip install --quiet -e '.[$(EXTRAS)]'
	$(BIN)/python -m pip install --quiet --no-deps 'torchgfn==2.4.1' # it asks for numpy < 2 and runs with numpy 2
	touch $@

clean:
	rm -rf .venv runs
