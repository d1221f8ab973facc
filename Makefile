# `make help` lists the targets. Every target sets up what it needs, in .venv.
PYTHON ?= python3
VENV := .venv
BENCH := .venv-bench
JOBS ?= $(shell getconf _NPROCESSORS_ONLN)
# of the tests, which often wait for another process, the disk or a browser; each takes a gigabyte of memory or more
WORKERS ?= $(shell cores=$$(getconf _NPROCESSORS_ONLN); echo $$((cores < 4 ? cores + 1 : 4)))
BOUNDARY := python -m boundary.cli
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export DVC_NO_ANALYTICS := 1
files = $(foreach name,$(1),tests/$(dir $(name))test_$(notdir $(name)).py)
RUN_DVC := stages/pipeline promises/crashes promises/same_bits promises/tutorial tools/verify tools/ecosystem tools/sharing \
	tools/mend unit/cli/compare_command docs/readme
TESTS := $(sort $(shell find tests -name 'test_*.py'))
# these begin first: the others fill the gaps that they leave
LONG := $(call files,$(RUN_DVC) unit/report/browser unit/training/dask_backend stages/faults unit/training/step)
export VARIANT INPUT OUTPUT REV

.PHONY: help setup repro plots compare predict experiments changes fresh verify schema bench bench-cluster bench-gpu \
	times growth test test-slow coverage mutation lint format docs clean
.DEFAULT_GOAL := help

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

repro: $(VENV)/run ## train and evaluate what params.yaml says, then show the results; JOBS=1: one stage at a time
	@$(BOUNDARY) repro --jobs $(JOBS)

plots: repro ## draw the interactive plots into dvc_plots/index.html
	dvc plots show

compare: $(VENV)/run ## what improved or regressed beyond luck since the commit, branch or tag in REV=...
	@$(BOUNDARY) compare $(or $(REV),HEAD)

predict: $(VENV)/run ## what a model says of a table: VARIANT=circle_v2 INPUT=new.csv OUTPUT=predictions.csv
	@: "$${VARIANT:?is missing}" "$${INPUT:?is missing}" "$${OUTPUT:?is missing}"
	@$(BOUNDARY) predict "$$VARIANT" "$$INPUT" "$$OUTPUT"

experiments: $(VENV)/run ## what `dvc exp run` has tried: parameters that differ, accuracies
	@dvc exp show --only-changed --drop '(?!Experiment|Created|(.*:)?(accuracy|mae)$$|(generators|datasets|variants|contrasts)\.|seed$$)'

changes: $(VENV)/run ## what is new since the commit REV=..., for a pull request: dvc_plots/changes.md
	@: "$${REV:?is missing, expected a commit, branch or tag}"
	dvc plots diff $(REV)
	@$(BOUNDARY) changes $(REV)

fresh: $(VENV)/run ## is dvc.lock that of the code and params.yaml? Nothing is run
	@plan="$$(dvc repro --dry --allow-missing)" && ! echo "$$plan" | grep "^Running stage" || { echo "dvc.lock is not current: make repro, and commit it"; exit 1; }

verify: $(VENV)/run ## run everything again from nothing, and compare every byte
	@$(BOUNDARY) verify

schema: $(VENV)/run ## write params.schema.json, by which editors check params.yaml, and docs/params.md
	@$(BOUNDARY) schema

bench: $(BENCH)/run ## compare its speed with that of other libraries, into benchmarks/results.md
	@$(BENCH)/bin/python -m benchmarks.run benchmarks

bench-cluster: $(VENV)/test ## what a Dask cluster on this machine costs and gains, into benchmarks/cluster.md
	@python -m benchmarks.cluster benchmarks

bench-gpu: $(VENV)/test ## how fast a GPU trains, and whether with the same bits as the CPU, into benchmarks/gpu.md
	@python -m benchmarks.gpu benchmarks

times: $(VENV)/run ## what the pipeline's own time goes into: imports, DVC, training, drawing
	@python -m benchmarks.times

growth: $(VENV)/run ## time and memory of every stage with more and more rows, replicates, epochs and variants
	@python -m benchmarks.growth

test: $(VENV)/test lint ## prove that it works: lint, types, and every test but the slow ones
	python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder \
		$(LONG) $(filter-out $(LONG),$(TESTS))

test-slow: $(VENV)/test ## the deeper, slower checks
	python -m pytest -m slow

coverage: $(VENV)/test ## which lines and branches no test takes, but for those that run dvc
	coverage run -m pytest $(filter-out $(call files,$(RUN_DVC)),$(TESTS))
	@coverage report

mutation: $(VENV)/mutation ## change the code in 1450 small ways, and see whether a test notices: half an hour
	rm -rf mutants
	OMP_NUM_THREADS=1 mutmut run
	@python -m tests.mutation.report

lint: $(VENV)/test ## style and types
	ruff check .
	ruff format --check .
	mypy

format: $(VENV)/test ## put the code into shape
	ruff check --fix .
	ruff format .

docs: $(VENV)/docs ## the pages of docs/ as a site with a search, into site/
	@NO_MKDOCS_2_WARNING=1 mkdocs build --strict
	@echo "site/index.html"

setup: $(VENV)/test ## install everything into .venv

clean: ## remove virtual environments and caches; results and DVC's cache stay
	rm -rf $(VENV) $(BENCH) .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage mutants site build *.egg-info

PIP = -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable

$(VENV)/run: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, PYTHON=... chooses one; found " + sys.version.split()[0])'
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python $(PIP) .
	@touch $@

$(VENV)/test: $(VENV)/run
	$(VENV)/bin/python $(PIP) '.[dev]'
	@touch $@

$(VENV)/docs: $(VENV)/run
	$(VENV)/bin/python $(PIP) '.[docs]'
	@touch $@

$(VENV)/mutation: $(VENV)/test
	$(VENV)/bin/python $(PIP) '.[mutation]'
	@touch $@

$(BENCH)/run: pyproject.toml constraints.txt
	test -x $(BENCH)/bin/python || $(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/python $(PIP) '.[bench]'
	@touch $@
