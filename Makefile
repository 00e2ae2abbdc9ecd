# The same commands for people and for CI. `make help` lists them.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
JS := tests/scripts

# Modules are found from this folder, whatever the caller's shell had set.
export PYTHONPATH := $(CURDIR)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help local-up bundle test test-newest chaos coverage check check-js format lock migrate bench-api bench-captions bench-hearing bench-library \
	bench-page bench-realtime bench-transcription bench-uploads screenshots deploy-api deploy-realtime deploy-transcriber clean

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-20s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

local-up: $(VENV)/local.stamp ## Run everything on this machine (PORT, DATA_DIR, DATABASE_URL, REDIS_URL, … change it)
	@exec $(RUN) -m infra.local_up

bundle: $(VENV)/local.stamp ## Make the page's bundle with esbuild, as the image has it; needs Node.js with npm
	@$(RUN) -m infra.build_page

test: $(VENV)/dev.stamp $(if $(shell command -v npm),$(JS)/node_modules/.stamp) ## Run the tests; ARGS="-k name" chooses some, ARGS=--slow adds the long ones
	$(RUN) -m pytest $(ARGS)

chaos: $(VENV)/dev.stamp ## Break the whole system at random and see that nothing is lost; MINUTES=60, FAULTS=1000, SEED=7, ARGS="--help"
	@$(RUN) -m tests.chaos $(if $(MINUTES),--minutes $(MINUTES)) $(if $(FAULTS),--faults $(FAULTS)) $(if $(SEED),--seed $(SEED)) $(ARGS)

# The main job, and every kind of file through the worker: nearly all that differs between two Pythons is in the wheels.
NEWEST_TESTS := tests/browser/test_main_job.py tests/services/transcriber/test_hostile.py

test-newest: $(VENV)/dev.stamp ## Run the main job on the newest Python that can be had; a Debian that is unpacked for it stays in the cache
	@newest=$$($(RUN) -m infra.newest_python) && $$newest -VV && \
	SERVICES_PYTHON=$$newest $(RUN) -m pytest --slow $(NEWEST_TESTS) $(ARGS)

coverage: $(VENV)/dev.stamp ## Run the tests and say which lines of services/ and shared/ they reach, the started processes' too
	$(RUN) -m coverage erase
	$(RUN) -m coverage run -m pytest $(ARGS)
	$(RUN) -m coverage combine --quiet
	$(RUN) -m coverage report --skip-covered --show-missing

check: $(VENV)/dev.stamp check-js ## Check style, types, layers and migrations, of Python and of the page's scripts
	$(RUN) -m ruff check
	$(RUN) -m ruff format --check
	$(RUN) -m mypy
	$(RUN) -c 'from importlinter.cli import lint_imports_command; lint_imports_command()' --no-cache
	$(RUN) -m infra.lint_migrations

check-js:
	@if command -v node >/dev/null; then $(MAKE) --no-print-directory $(JS)/node_modules/.stamp && cd $(JS) && npm run --silent check; \
	else echo "The page's scripts were not checked: there is no node on the PATH. Install Node.js 22 or newer to have them checked."; fi

format: $(VENV)/dev.stamp ## Put the Python files into their form
	$(RUN) -m ruff check --fix-only
	$(RUN) -m ruff format

# A release that does harm is mostly taken back within days. Renovate waits as long (renovate.json). A fix that cannot
# wait: make lock MIN_RELEASE_AGE="0 days"
MIN_RELEASE_AGE := 7 days

# One version of a package serves every Python: who runs 3.14 has what was tested on 3.11.
LOCK := pyproject.toml --universal --python-version 3.11 --fork-strategy fewest --generate-hashes --no-emit-index-url \
	--no-emit-find-links --no-annotate --custom-compile-command "make lock" --exclude-newer "$(MIN_RELEASE_AGE)"

# dev.txt holds everything, so the others take their versions from it and one .venv serves them all.
lock: $(VENV)/dev.stamp ## Renew requirements/*.txt from pyproject.toml, with the newest versions that are a week old
	$(RUN) -m uv pip compile --quiet --upgrade $(LOCK) --extra dev -o requirements/dev.txt
	for extra in api realtime transcriber transcriber-local local; do \
		$(RUN) -m uv pip compile --quiet --upgrade $(LOCK) --extra $$extra -c requirements/dev.txt -o requirements/$$extra.txt || exit; \
	done

migrate: $(VENV)/local.stamp ## Bring the database at DATABASE_URL to the newest schema
	$(RUN) -m shared.migrations

bench-api: $(VENV)/dev.stamp ## Measure the api on real parts, as JSON
	@$(RUN) -m tests.bench.api $(ARGS)

bench-realtime: $(VENV)/dev.stamp ## Measure the fan-out beside its peers, as JSON; ARGS="--help"
	@$(RUN) -m tests.bench.realtime $(ARGS)

bench-captions: $(VENV)/dev.stamp ## Measure how soon words appear while somebody speaks, as JSON; ARGS="--help"
	@$(RUN) -m tests.bench.captions $(ARGS)

bench-hearing: $(VENV)/dev.stamp ## Measure word errors in sound that is hard to hear, also of another commit; ARGS="--help"
	@$(RUN) -m tests.bench.hearing $(ARGS)

bench-library: $(VENV)/dev.stamp ## Measure lists and searches of 100,000 clips, as JSON; ARGS="--help"
	@$(RUN) -m tests.bench.library $(ARGS)

bench-page: $(VENV)/dev.stamp ## Measure how soon a page with 100,000 clips can be used, as JSON; ARGS="--help"
	@$(RUN) -m tests.bench.page $(ARGS)

bench-transcription: $(VENV)/dev.stamp ## Measure transcription beside the bare engine and its peers, as JSON; ARGS="--help"
	@$(RUN) -m tests.bench.transcription $(ARGS)

bench-uploads: $(VENV)/dev.stamp ## Measure the memory of a large upload and 200 recordings at once, as JSON; ARGS="--help"
	@$(RUN) -m tests.bench.uploads $(ARGS)

screenshots: $(VENV)/dev.stamp ## Take the README's screenshot, and one of each state into tests/results
	$(RUN) -m tests.browser.screenshots

deploy-api: fly.api.toml.deploy ## Deploy the clip API to Fly

deploy-realtime: fly.realtime.toml.deploy ## Deploy the fan-out to Fly

deploy-transcriber: fly.transcriber.toml.deploy ## Deploy the worker to Fly

%.toml.deploy:
	@command -v fly >/dev/null || { echo "Deploying needs Fly's command line tool, and there is no fly on the PATH: https://fly.io/docs/flyctl/install"; exit 1; }
	fly deploy --config $*.toml

clean: ## Remove what these commands installed or cached; recordings in ./var stay
	rm -rf $(VENV) $(JS)/node_modules infra/bundle/node_modules bundle tests/results .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .schemathesis .coverage*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

INSTALL = $(RUN) -m pip install --quiet --no-input --disable-pip-version-check --root-user-action=ignore --require-hashes -r

# The stamps say what .venv holds; dev.txt holds all of local.txt, so installing it makes both true.
$(VENV)/local.stamp: requirements/local.txt | $(VENV)/made.stamp
	$(INSTALL) $<
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt | $(VENV)/made.stamp
	$(INSTALL) $<
	@touch $(VENV)/local.stamp $@

$(VENV)/made.stamp:
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON) on the PATH. Install Python 3.11 or newer, or name one: make PYTHON=/path/to/python"; exit 1; }
	@$(PYTHON) -c 'import sys; (3, 11) <= sys.version_info[:2] <= (3, 14) or sys.exit("$(PYTHON) is Python %d.%d, and one from 3.11 to 3.14 is needed. Name one: make PYTHON=/path/to/python" % sys.version_info[:2])'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make virtual environments: its venv module is missing. On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(JS)/node_modules/.stamp: $(JS)/package-lock.json
	@command -v npm >/dev/null || { echo "Checking the page's scripts needs npm beside node: there is none on the PATH. On Debian and Ubuntu: apt install npm"; exit 1; }
	cd $(JS) && npm ci --loglevel=error --no-audit --no-fund --ignore-scripts
	@touch $@
