# Two commands are enough on a machine with Python 3.11 or newer: `make run` and `make test`.
.DEFAULT_GOAL := help
.PHONY: help run install test lint format types ci bench chromium constraints clean

VENV := .venv
PY := $(VENV)/bin/python
JOBS ?= 2
CODE := leadqual_site crm qualification

# The first Python that is new enough.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { echo "$$python"; break; }; done)

# A stamp carries the checksum of all pins: unchanged pins install nothing.
PINS := $(shell cat requirements*.txt constraints.txt | cksum | cut -d' ' -f1)
DEMO := $(VENV)/.installed-demo-$(PINS)
DEV := $(VENV)/.installed-dev-$(PINS)

HAS_CHROMIUM := { command -v chromium || command -v chromium-browser || command -v google-chrome; } >/dev/null

help: ## what there is
	@sed -n 's/^\([a-z]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

run: $(DEMO) ## the product on http://127.0.0.1:8000 (PORT, WEB_CONCURRENCY, WORKERS, DATA_DIR, DEMO_LEADS, DATABASE_URL, REDIS_URL)
	@exec $(PY) -m leadqual_site.embedded.supervisor --with-parent

install: $(DEV) ## the virtual environment with everything for development

# In the order of the files: the long walks of the browser come first, not last and alone.
test: $(DEV) chromium ## the whole test suite (ARGS="tests/crm -k name" for a part)
	@$(PY) -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

lint: $(DEV) ## style, imports, security, Django's checks, missing migrations
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	find templates -name '*.html' -print0 | xargs -0 -r $(VENV)/bin/djade --check --target-version 5.2
	$(VENV)/bin/lint-imports
	$(PY) -m bandit -c pyproject.toml -ll -q -r $(CODE) bench
	$(PY) manage.py check --fail-level WARNING
	$(PY) manage.py makemigrations --check --dry-run

format: $(DEV) ## apply ruff's and djade's style
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .
	find templates -name '*.html' -print0 | xargs -0 -r $(VENV)/bin/djade --target-version 5.2

types: $(DEV) ## mypy, strict on app code
	$(PY) -m mypy

ci: lint types test ## what CI runs

bench: $(DEV) ## every script of bench/ at its own default size
	@set -e; for script in bench/*.py; do echo "== $$script"; $(PY) "$$script"; done

constraints: $(DEV) ## write constraints.txt from this environment
	@{ sed -n '/^#/p' constraints.txt; $(PY) -m pip freeze --exclude uv; } > $(VENV)/constraints.new
	@mv $(VENV)/constraints.new constraints.txt

clean: ## remove the virtual environment and caches; the data stay
	rm -rf $(VENV) staticfiles .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

$(DEMO): | $(VENV)/bin/pip
	@echo "Installing the packages of requirements-demo.txt (half a minute) ..." >&2
	@$(PY) -m pip install -qq --disable-pip-version-check -c constraints.txt -r requirements-demo.txt
	@rm -f $(VENV)/.installed-* && touch $@

$(DEV): | $(VENV)/bin/pip
	@echo "Installing the packages of requirements-dev.txt (a minute) ..." >&2
	@$(PY) -m pip install -qq --disable-pip-version-check -c constraints.txt -r requirements-dev.txt
	@rm -f $(VENV)/.installed-* && touch $(DEMO) $@

$(VENV)/bin/pip:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed, and none was found." >&2; exit 1; }
	@echo "Making the virtual environment in $(VENV) with $(PYTHON) ..." >&2
	@$(PYTHON) -m venv --clear $(VENV) || { \
		echo "No virtual environment without ensurepip: apt-get install python3-venv" >&2; exit 1; }

# Browser tests skip themselves where there is no Chromium; Debian's is installed for root.
chromium:
	@$(HAS_CHROMIUM) && exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing Chromium for the browser tests ..." >&2; \
		{ apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
			chromium fonts-dejavu-core; } >/dev/null 2>&1; \
	fi; \
	$(HAS_CHROMIUM) || \
		echo "**** NO CHROMIUM: THE BROWSER TESTS WILL BE SKIPPED (install chromium to run them) ****" >&2
