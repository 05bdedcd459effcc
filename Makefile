# The targets that contributors, CI and the docs all call. Each one sets up what it needs.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# The demo needs half of what the tests need; where those are installed, it needs nothing more.
DEMO_STAMP := $(or $(wildcard $(STAMP)),$(VENV)/.installed-tools)
# Each worker goes through a part of the suite in its order, and who has done its own takes from another: a fixture
# of a file or a folder is made by few of them.
PYTEST_ARGS ?= -n auto --dist worksteal
# Tests start hundreds of processes: none compiles the whole program anew.
unexport PYTHONDONTWRITEBYTECODE

MINUTES ?= 10
FROM ?=
TO ?= HEAD
SECONDS ?= 60
PIN ?= pycardano

.PHONY: demo test test-fast coverage test-lowest test-unpinned mutants roads soak upgrade-check fuzz check lint types docs docs-check site man audit lock bench clean help
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(STAMP): pyproject.toml eras/version.py
	@echo "Setting up $(VENV) with eraswitch and what its tests need, from the package index: a few minutes, the first time alone"
	$(PYTHON) -m venv $(VENV)
ifdef LOCKED
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement .ci/requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
else
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
endif
	@touch $@

$(VENV)/.installed-tools: pyproject.toml eras/version.py
	@echo "Setting up $(VENV) with eraswitch and its tools, from the package index: a minute, the first time alone"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[tools]'
	@touch $@

demo: $(DEMO_STAMP) ## watch a network switch eras, on an embedded chain
	@$(BIN)/eraswitch demo

test: $(STAMP) ## run the tests; lists what they need beyond Python, and INSTALL=1 installs it (apt-get)
	@$(BIN)/python tests/provision.py
	$(BIN)/python -m pytest --cov=eras --cov=datum --cov-report= $(PYTEST_ARGS)
	@$(BIN)/python -m coverage report --fail-under=98

test-fast: $(STAMP) ## the tests for the daily loop: no service, browser, database server or Node, and nothing long
	$(BIN)/python -m pytest -q $(PYTEST_ARGS) tests/architecture tests/datum tests/eras tests/chain_reader tests/release_tools \
		--ignore=tests/chain_reader/test_trust_stateful.py --ignore=tests/chain_reader/test_hostile_answers.py \
		--ignore=tests/chain_reader/test_attack_matrix.py --ignore=tests/chain_reader/test_trust_properties.py \
		--ignore=tests/chain_reader/test_interleavings.py -k "not postgres and not killed and not memory_stays_flat"

coverage: $(STAMP) ## the same tests with everything traced, and with the type checks of pycardano: which branches no test reaches
	@$(BIN)/python tests/provision.py
	PYCARDANO_NO_TYPE_CHECK=false $(BIN)/python -m pytest --cov --cov-report= $(PYTEST_ARGS)
	@$(BIN)/python -m coverage report

test-lowest: ## the fast tests and the faces with the lowest versions that pyproject.toml allows, in .venv-lowest
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/python -m pip install --quiet --disable-pip-version-check uv
	.venv-lowest/bin/uv pip install --quiet --python .venv-lowest/bin/python --resolution lowest-direct --editable '.[test]'
	.venv-lowest/bin/python -m pytest -q -n auto tests/datum tests/eras tests/chain_reader tests/release_tools tests/local_chain_faces \
		tests/era_store tests/web

test-unpinned: ## the tests of transactions and the ledger with the newest PIN (pycardano or cbor2), in .venv-unpinned
	$(PYTHON) -m venv .venv-unpinned
	.venv-unpinned/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	.venv-unpinned/bin/python -m pip install --quiet --disable-pip-version-check --upgrade '$(PIN)'
	.venv-unpinned/bin/python -m pip list --disable-pip-version-check | grep '^$(PIN) '
	.venv-unpinned/bin/python -m pytest -q -n auto tests/ledger tests/release_tools tests/local_chain

mutants: $(STAMP) ## change an operator at a time in the code that decides; print what no test notices
	$(BIN)/python tools/mutants.py $(MUTANTS_ARGS)

roads: $(STAMP) ## count the modules and calls between a datum and a switch, in marker activate and in a reading of the service
	$(BIN)/python -m tools.roads

soak: $(STAMP) ## replicas, watchers, an attacker and faults for MINUTES (10): fail if anything is missed, lost, doubled or grows
	@$(BIN)/python tests/provision.py
	$(BIN)/python -m benchmarks.soak --minutes $(MINUTES) $(SOAK_ARGS)

upgrade-check: $(STAMP) ## upgrade two replicas under load, from FROM (the last release) to TO (HEAD) and back: fail if an answer is lost
	@$(BIN)/python tests/provision.py
	$(BIN)/python -m benchmarks.soak.upgrade $(if $(FROM),--from $(FROM)) --to $(TO)

fuzz: $(STAMP) ## throw damaged input at everything that reads for SECONDS (60); what fails is kept in artifacts/fuzz
	$(BIN)/python -m tools.fuzz --seconds $(SECONDS) $(FUZZ_ARGS)

check: lint types docs-check site test ## everything CI runs

lint: $(STAMP) ## style and common mistakes
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP) ## mypy --strict
	$(BIN)/mypy

docs: $(STAMP) ## write the generated parts of the docs
	$(BIN)/python docs/generate.py

docs-check: $(STAMP) ## fail when a generated part of the docs is out of date
	$(BIN)/python docs/generate.py --check

site: $(STAMP) ## build the docs site into artifacts/site, strictly
ifndef LOCKED
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[site]'
endif
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict # --quiet would drop the warnings before --strict counts them

man: $(DEMO_STAMP) ## write the man pages into artifacts/man
	$(BIN)/python tools/man_pages.py artifacts/man

audit: $(STAMP) ## list what is installed (artifacts/sbom.json, CycloneDX) and look for known vulnerabilities
	@mkdir -p artifacts
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[audit]'
	$(BIN)/python -m cyclonedx_py environment --pyproject pyproject.toml --output-file artifacts/sbom.json $(BIN)/python
	$(BIN)/python tools/audit.py .ci/requirements.lock

lock: $(STAMP) ## write the lock file of CI anew: exact versions with hashes
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile --quiet pyproject.toml --extra test --extra site --python-version 3.11 --universal --generate-hashes \
		--no-emit-index-url --no-annotate --custom-compile-command 'make lock' --output-file .ci/requirements.lock

bench: $(STAMP) ## print the speed ratios and their targets
	$(BIN)/python -m benchmarks

clean: ## remove what the other targets made
	rm -rf $(VENV) .venv-lowest .venv-unpinned tests/ledger/node_modules tests/peers/node_modules tests/typechecking/node_modules artifacts .coverage .mypy_cache .pytest_cache .ruff_cache
