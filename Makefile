.DEFAULT_GOAL := help
BIN := .venv/bin
# Arguments for the command behind a verb, as in: make demo ARGS="--children 1000 --no-serve"
ARGS ?=
# How many processes run the tests: one more than a small machine has cores, since browsers and servers are waited for.
WORKERS ?= 3
# How often `make cluster-test` kills the leader.
KILLS ?= 20
export PYTHON

.PHONY: sbom offline help setup demo serve test check lint types format journeys bench night cluster-test docs weaknesses

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 18

setup: ## make .venv from the lock files (Python >= 3.11; PYTHON=… chooses one); instant when up to date
	@scripts/setup.sh

demo: setup ## a city plays a whole programme year, then serves its first page (ARGS="--children 1000 --no-serve")
	@$(BIN)/qosymsha demo $(ARGS)

serve: setup ## serve the pages and the jobs
	@$(BIN)/qosymsha serve $(ARGS)

test: setup ## all tests, browser journeys too; exits 3 when journeys lack a browser, unless ALLOW_NO_BROWSER=1
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

check: lint types test ## everything that must be green before a commit

lint: setup ## style and known mistakes
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: setup ## mypy, strict
	@$(BIN)/mypy

format: setup ## rewrite the code in the house's style
	@$(BIN)/ruff check --fix-only -q . && $(BIN)/ruff format .

journeys: setup ## only the journeys in a real browser
	@$(BIN)/python -m pytest -m journey $(ARGS)

bench: setup ## the demo at three sizes (SIZES="1000 5000 20000"), then the engine and the verifiers against their yardsticks
	@$(BIN)/python scripts/bench.py $(SIZES)
	@$(BIN)/python -m bench.round --rows 3300000 --draw-rows 1000000
	@$(BIN)/python -m bench.round --rows 3300000 --draw-rows 0 --avx2
	@$(BIN)/python -m bench.places --children 3300000 --peer-children 3000
	@$(BIN)/python -m bench.places --children 3300000 --peer-children 0 --avx2
	@$(BIN)/python -m bench.verify --rows 300000
	@$(BIN)/python -m bench.month --children 600000
	@$(BIN)/python -m bench.catalogue

night: setup ## the long run: kills, random examples, tamperings, sizes; ARGS="--list", "--only kills", "--seed 7"
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/night.lock || \
		echo "night: the fuzzers (requirements/night.lock) could not be installed; the batteries 'parsers' and 'schemathesis' will not run"
	@WORKERS=$(WORKERS) $(BIN)/python scripts/night.py $(ARGS)

cluster-test: setup ## three database nodes, the leader killed KILLS=20 times under load; then a partition, a city behind haproxy, lost disks
	@$(BIN)/python -m tests.cluster.failover --kills $(KILLS) --report night/cluster.json $(ARGS)
	@$(BIN)/python -m tests.cluster.split --report night/split.json || test $$? = 3
	@$(BIN)/python -m tests.cluster.city --report night/city.json || test $$? = 3
	@$(BIN)/python -m tests.faults.disks --losses 10 --report night/disks.json

weaknesses: setup ## every pinned part against a database of known weaknesses: OSV=all.zip (osv.dev, PyPI)
	@$(BIN)/python scripts/weaknesses.py $(OSV) $(ARGS)

sbom: setup ## the bill of materials (CycloneDX) from the lock files, in sbom/
	@$(BIN)/python scripts/sbom.py $(ARGS)

offline: setup ## a folder with every wheel and an installer, for a machine without internet (ARGS="--to DIR")
	@$(BIN)/python scripts/offline.py $(ARGS)

docs: setup ## make the reference pages from the code, then check that every link between pages leads somewhere
	@$(BIN)/python scripts/reference.py
	@$(BIN)/python scripts/asvs.py
	@$(BIN)/python scripts/check_links.py
