# contoso-lab: every target makes .venv on first use and reuses it afterwards.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.DEFAULT_GOAL := help
# Tests and benches start some hundred processes of ours: each would compile all of it anew.
unexport PYTHONDONTWRITEBYTECODE
.PHONY: help demo test slow notebooks lab screenshots recordings check clients format doctor speech bench chaos soak clean audit sbom fuzz

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

$(READY): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "make: $(PYTHON) was not found: install Python 3.11 or newer, or say make PYTHON=/path/to/python"; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make: $(PYTHON) is older than 3.11: say make PYTHON=/path/to/a/newer/python"; exit 2; }
	@echo "making $(VENV) (once, some minutes, about 2.5 GB) …"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[all]'
	@touch $@

# short_call is over in a quarter of the time: make demo CUSTOMER=short_call
CUSTOMER ?= first_call

demo: $(READY)  ## a recorded customer talks with the assistant; hear it, see it scored (4 minutes)
	@$(BIN)/contoso-lab demo --customer $(CUSTOMER)

# Half as many again as there are processors: many tests wait, for sound or for a server. In the order of the folders, so that
# those which are short come last and no processor waits for another.
WORKERS ?= $(shell echo $$(( ($$(getconf _NPROCESSORS_ONLN) * 3 + 1) / 2 )))

test: $(READY)  ## the whole test suite, and the notebooks through nbval
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not slow"
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile --nbval --nbval-current-env --nbval-cell-timeout 180 notebooks

notebooks: $(READY)  ## the notebooks alone, top to bottom, against the local engine
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile --nbval --nbval-current-env --nbval-cell-timeout 180 notebooks

slow: $(READY)  ## the tests that take minutes: simulations of our statistics, long runs of the fleet
	$(BIN)/python -m pytest -q -n auto --dist loadfile -m slow

lab: $(READY)  ## open JupyterLab on the console: run all, press Connect, talk
	$(BIN)/jupyter lab notebooks/01_talk_to_contoso.ipynb

screenshots: $(READY)  ## photograph every widget, light and dark, into docs/screenshots (10 minutes)
	$(BIN)/python docs/screenshots.py

clients: $(READY)  ## add the JavaScript clients that the tests hold against the engine (Node.js 20 or newer)
	npm ci --prefix tests/clients/js --omit-lockfile-registry-resolved --no-audit --no-fund

check: $(READY)  ## style, types and floors, without the tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell

format: $(READY)  ## let ruff put the code in order
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

doctor: $(READY)  ## what is installed, what is missing, and what to do about it
	@$(BIN)/contoso-lab doctor

audit: $(READY)  ## ask the advisory database about every version in constraints.txt (needs a network)
	$(PYTHON) -m venv build/tools && build/tools/bin/python -m pip install --quiet --disable-pip-version-check pip-audit
	@build/tools/bin/pip-audit --strict --requirement constraints.txt --no-deps --disable-pip --progress-spinner off 2>build/audit.log \
	  || { if grep -q '^Found' build/audit.log; then grep '^Found' build/audit.log; else \
	  echo "make: nothing was audited, the advisory database at pypi.org gave no answer ($$(tail -n 1 build/audit.log)): try again with a network"; fi; exit 1; }

sbom: $(READY)  ## write the bill of materials of this environment: build/sbom.json (CycloneDX)
	$(PYTHON) -m venv build/tools && build/tools/bin/python -m pip install --quiet --disable-pip-version-check cyclonedx-bom
	build/tools/bin/cyclonedx-py environment $(BIN)/python --of JSON --output-file build/sbom.json

fuzz: $(READY)  ## fuzz every reader of strangers' files with atheris (20 minutes)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check atheris
	$(BIN)/python fuzz/run.py --minutes 20

speech: $(READY)  ## speak the recorded customers of data/speech again
	$(BIN)/python data/speech/make.py

recordings: $(READY)  ## hold the recorded calls of data/recordings again (20 minutes)
	$(BIN)/python data/recordings/make.py

bench: $(READY)  ## every bench in its short form, gathered in bench/RESULTS.md (15 minutes at most)
	$(BIN)/python bench/all.py

chaos: $(READY)  ## ten minutes in which relay, engine, Redis, customers and disk fail under 50 calls; counts what is lost
	$(BIN)/python -m tests.chaos.storm

soak: $(READY)  ## an hour of 20 customers: memory, file handles and threads of relay and engine
	$(BIN)/python bench/soak.py

clean:  ## remove the environment and all caches; recordings in runs/ stay
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache build dist *.egg-info
