# `make demo` and `make test` work on a fresh clone with Python 3.11 or newer and make; all they install is in .venv*/.
PYTHON ?= python3
PIP_INSTALL = -m pip install --quiet --disable-pip-version-check --only-binary :all:
BIN = .venv/bin
KUBE = ../shared/kube/cluster
HELM ?= helm
DIST ?= dist

.PHONY: help demo test lint conformance e2e e2e-full bench docs site images charts dist clean
.DELETE_ON_ERROR:

help:
	@echo "make demo   map a burned area on this machine: results in demo/results"
	@echo "make test   every test that needs no Kubernetes, and lint"
	@echo "make lint   ruff, mypy, import-linter, codespell"
	@echo "make conformance   the CWL documents of cwltool's and cwl-utils' tests through validate, convert and run (ten minutes)"
	@echo "make e2e    tests on a real Kubernetes (KUBECONFIG); e2e-full adds rare faults"
	@echo "make bench  time the application against two usual ways (half an hour; benchmarks/README.md)"
	@echo "make docs   write what is generated: docs/cli.md, the charts' schemas, their copy of the package"
	@echo "make site   the documentation as a website, site/index.html"
	@echo "make images REGISTRY=registry.example/eo   build the images and push them; LOAD=kind or minikube loads them instead (.ci/images)"
	@echo "make charts package the charts into dist/; with REGISTRY=registry.example/eo/charts push them there"
	@echo "make dist   source distribution and wheel in dist/"
	@echo "make clean  remove environments, caches and the demo"

demo: .venv/.stamp
	rm -rf demo/results
	$(BIN)/bai-kit demo -o demo

test: .venv/.stamp .venv-eoap/.stamp .venv-calrissian/.stamp
	$(BIN)/pytest -m "not e2e" $(PYTEST_ARGS)
	@$(MAKE) --no-print-directory lint

lint: .venv/.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell

conformance: .venv/.stamp
	$(BIN)/python -m tests.conformance

e2e e2e-full: .venv/.stamp
	@if [ -z "$$KUBECONFIG" ] && [ -x $(KUBE) ]; then $(KUBE) up && eval "$$($(KUBE) env)"; fi; \
	if [ -z "$$KUBECONFIG" ]; then echo "make e2e needs KUBECONFIG, the Kubernetes to test on" >&2; exit 2; fi; \
	exec $(BIN)/pytest -m "e2e$(if $(filter e2e,$@), and not rare)" tests/e2e $(PYTEST_ARGS)

bench: .venv-bench/.stamp
	.venv-bench/bin/python benchmarks/local.py
	.venv-bench/bin/python benchmarks/local.py --http

docs: .venv/.stamp
	$(BIN)/python -m tests.cli_reference > docs/cli.md
	$(BIN)/python -m charts.schema.generate write
	$(BIN)/bai-kit package convert bai/bai.cwl -o charts/bai-chart/files/app-package.json

site: .venv-docs/.stamp
	NO_MKDOCS_2_WARNING=1 .venv-docs/bin/mkdocs build --quiet

export REGISTRY TAG LOAD CLUSTER ENGINE BUILD_OPTIONS PUSH_OPTIONS
images:
	.ci/images

charts:
	rm -f $(DIST)/bai-chart-*.tgz $(DIST)/dask-gateway-*.tgz
	$(HELM) package charts/dask-gateway charts/bai-chart --destination $(DIST)
ifdef REGISTRY
	for chart in $(DIST)/dask-gateway-*.tgz $(DIST)/bai-chart-*.tgz; do $(HELM) push "$$chart" "oci://$(REGISTRY)" $(PUSH_OPTIONS) || exit; done
endif

dist: .venv/.stamp
	$(BIN)/python -m hatchling build -d $(DIST)

clean:
	rm -rf .venv .venv-eoap .venv-calrissian .venv-bench .venv-docs demo site .mypy_cache .ruff_cache .import_linter_cache dist

# hatchling comes first, pinned like all the rest: a build in isolation would fetch any version of it.
.venv/.stamp: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(BIN)/python $(PIP_INSTALL) -c constraints.txt hatchling
	$(BIN)/python $(PIP_INSTALL) -c constraints.txt --no-build-isolation -e '.[dev]'
	touch $@

# The validator's pins do not go together with ours.
.venv-eoap/.stamp: .ci/eoap-constraints.txt
	$(PYTHON) -m venv .venv-eoap
	.venv-eoap/bin/python $(PIP_INSTALL) -c .ci/eoap-constraints.txt eoap-validator
	touch $@

# The runner's image has these; its pins have no wheels for every Python, and then the tests that need them are skipped.
.venv-calrissian/.stamp: toolkit/cwl_dask/constraints.txt
	$(PYTHON) -m venv .venv-calrissian
	.venv-calrissian/bin/python $(PIP_INSTALL) -c $< calrissian dask-gateway mini-racer 'dask-gateway-server[local]' pytest || rm -rf .venv-calrissian
	mkdir -p .venv-calrissian && touch $@

.venv-docs/.stamp: .ci/docs-constraints.txt
	$(PYTHON) -m venv .venv-docs
	.venv-docs/bin/python $(PIP_INSTALL) -r $<
	touch $@

# The usual ways need an older pystac than ours.
.venv-bench/.stamp: benchmarks/constraints.txt
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python $(PIP_INSTALL) -r $<
	.venv-bench/bin/python $(PIP_INSTALL) --no-deps --no-build-isolation -e .
	touch $@
