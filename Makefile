# Needs make and Python >= 3.11; everything else comes from the package registries into .venv.
# Commands from .venv are named in full, so nothing depends on PATH or on an activated environment.

.DEFAULT_GOAL := help
.PHONY: help run env watch guide public-surface messages test test-alone test-quick coverage coverage-floor test-postgresql lint docs security screenshots image image-check lock check bench bench-quick clean install install-dev
SHELL := /bin/sh
# No surprise from the shell's own Python; and what is compiled once is kept for the hundreds of processes of a test run.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV PYTHONDONTWRITEBYTECODE
export UV_NO_PROGRESS := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# uv trusts a list of its own; machines behind a company's proxy have that proxy's certificate in the system's list.
export UV_SYSTEM_CERTS := $(if $(wildcard /etc/ssl/certs/ca-certificates.crt /etc/ssl/cert.pem /etc/pki/tls/certs/ca-bundle.crt),true,false)

PORT ?=
HOST ?=
EMAIL ?=
PYTHON ?=
ARGS ?=
# Run from environments of their own, at these versions.
BANDIT := 1.8.6
PIP_AUDIT := 2.9.0
# Three of these ruff judges line by line; B608 suspects every statement that is put together, of constants too.
JUDGED_BY_RUFF := B104,B108,B310,B608
APPS := lifeos_project identity core platform_outbox finance insights
CANDIDATES := $(if $(PYTHON),$(PYTHON),python3 python3.14 python3.13 python3.12 python3.11)
# Of lines and branches, in the tests' own processes: measuring those that they start as well makes each of them start
# more slowly, and the floor holds without.
comma := ,
# --immediate: a line that was reached is not counted again, which would be most of the cost.
COVERAGE := --immediate --branch --json --out var/coverage.json --source $(subst $() ,$(comma),$(APPS)) --omit '*/migrations/*,*/tests/*'
# Long modules come first. Tests wait for other programs, so there may be two more at a time than processors.
JOBS ?= $(shell expr $$(nproc 2>/dev/null || sysctl -n hw.ncpu 2>/dev/null || echo 2) + 2)
PARALLEL := -n $(JOBS) --dist loadscope --no-loadscope-reorder
STARTS_PROGRAMS := faults or redis or rabbitmq or nginx or rsyslog or prometheus or browser or hledger or faketime or s3 or lifeos or long
SLOW_PLACES := $(addprefix lifeos_project/tests/,deploy hosts stack browser guide) lifeos_project/backups/tests
# Translations, and what gettext reads; no machine needs msgfmt.
CATALOGUES := $(wildcard locale/*/LC_MESSAGES/django.po)
COMPILED := $(CATALOGUES:.po=.mo)
# What the lock files say and nothing else.
INSTALL := .venv/bin/uv pip install --quiet --require-hashes --link-mode=copy --python .venv/bin/python

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: .venv/.installed $(COMPILED)  ## Start LifeOS with its own PostgreSQL and a demo household (PORT=8123 chooses the port)
	@.venv/bin/python manage.py run_local $(if $(PORT),--port $(PORT))

env:  ## Write a production .env with fresh secrets, and a certificate (HOST=books.example.org EMAIL=anna@example.org)
	@deploy/scripts/deploy.sh init production $(if $(HOST),--host $(HOST)) $(if $(EMAIL),--email $(EMAIL)) $(ARGS)

test: .venv/.installed-dev  ## Lint, types, import contracts, migrations, all tests (ARGS="-k name" goes to pytest; JOBS=1, one at a time)
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory test-alone

test-alone: .venv/.installed-dev  ## All tests, without lint
	.venv/bin/python -m pytest $(PARALLEL) $(ARGS)

coverage: .venv/.installed-dev  ## All tests, measured: they cover 90 % of lines and branches (takes a fifth longer)
	@mkdir -p var
	.venv/bin/python -W "ignore::RuntimeWarning:slipcover.importer" -m slipcover $(COVERAGE) -m pytest $(PARALLEL) $(ARGS)
	@$(MAKE) --no-print-directory coverage-floor

test-quick: .venv/.installed-dev  ## The tests that start no process and walk no pages, for between two saves (ARGS as for test)
	.venv/bin/python -m pytest -q $(PARALLEL) --hypothesis-profile=quick -m "not image and not ($(STARTS_PROGRAMS))" \
	  $(SLOW_PLACES:%=--ignore=%) $(ARGS)

watch: .venv/.installed-dev  ## Run the tests of finance, or of ARGS, again at every change (ARGS="identity -k token")
	.venv/bin/ptw --now --runner .venv/bin/pytest . $(or $(ARGS),finance)

coverage-floor: .venv/.installed-dev  ## Whether the tests that ran last cover 90 % of lines and branches
	@.venv/bin/python -m slipcover --merge var/coverage.json --out var/coverage.json --skip-covered --fail-under 90 \
	  || { echo "Coverage is below its floor of 90 % of lines and branches."; exit 1; }

lint: .venv/.installed-dev  ## Format, lint, types, import contracts, missing migrations, links of the documentation
	.venv/bin/ruff format --check --quiet .
	.venv/bin/ruff check --quiet .
	.venv/bin/mypy --no-error-summary .
	.venv/bin/lint-imports --no-logo
	.venv/bin/python manage.py makemigrations --check --dry-run
	@$(MAKE) --no-print-directory docs

guide: .venv/.installed-dev  ## Check the operations guide line by line and write docs/guide.md
	LIFEOS_WRITE_GUIDE=1 .venv/bin/python -m pytest -q lifeos_project/tests/guide

public-surface: .venv/.installed-dev  ## Accept what changed for users and integrators: write it into the snapshots that a test compares
	LIFEOS_WRITE_SURFACE=1 .venv/bin/python -m pytest -q lifeos_project/tests/public_surface

messages: .venv/.installed $(COMPILED)  ## For translators: bring locale/*/LC_MESSAGES/django.po in line with the code, tell what is left
	@.venv/bin/python manage.py messages $(ARGS)

docs: .venv/.installed-dev  ## Build the documentation as a site in var/site; a broken link is an error
	@NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --strict --quiet

security: .venv/.installed-dev  ## Known faults in what we install, dangerous calls in what we write, workflows (asks PyPI)
	.venv/bin/uv tool run --from bandit==$(BANDIT) bandit --quiet --recursive --severity-level medium \
	  --exclude '*/tests/*,*/migrations/*' --skip $(JUDGED_BY_RUFF) $(APPS) compose
	.venv/bin/uv tool run --from pip-audit==$(PIP_AUDIT) pip-audit --disable-pip --format json --progress-spinner off \
	  --requirement requirements/base.txt | .venv/bin/python requirements/audited.py
	.venv/bin/zizmor --offline --quiet --config .github/zizmor.yml .github/workflows

test-postgresql: .venv/.installed-dev  ## The guards and the outbox on the PostgreSQL of TEST_DATABASE_URL, without what starts processes
	.venv/bin/python -m pytest -m "(ledger_guards or outbox) and not (faults or redis or rabbitmq or browser or long)" $(PARALLEL) $(ARGS)

screenshots: .venv/.installed-dev  ## Take new screenshots of the demonstration for the README (needs Chromium)
	.venv/bin/python -m pytest -q lifeos_project/tests/browser/screenshots.py

image:  ## Build the images of web and worker, and of nginx (needs Docker)
	docker build --file compose/Dockerfile --target app --tag lifeos-web:latest .
	docker build --file compose/Dockerfile --target nginx --tag lifeos-nginx:latest .

image-check: .venv/.installed-dev  ## Build the images without Docker and start the result (Debian, root: buildah, debootstrap)
	.venv/bin/python -m pytest -m image -p no:cacheprovider lifeos_project/tests/image $(ARGS)

check: .venv/.installed  ## Ask Django whether the settings and the code fit together
	.venv/bin/python manage.py check

lock: .venv/.installed-dev  ## Compile requirements/*.in into pinned and hashed *.txt (ARGS=--upgrade for newer ones)
	@for name in bootstrap base dev bench s3; do \
	  .venv/bin/uv pip compile --universal --generate-hashes --quiet --python-version 3.11 $(ARGS) \
	    requirements/$$name.in -o requirements/$$name.txt || exit 1; \
	done

bench: .venv/.installed-dev  ## Measure what we claim, beside peers and the raw limit; hours (ARGS="--only ledger outbox")
	.venv/bin/python bench/everything.py $(ARGS)

bench-quick: .venv/.installed-dev  ## The same at small sizes, in five minutes
	.venv/bin/python bench/everything.py --quick $(ARGS)

clean:  ## Remove the environment and caches; the data in var/ stays
	rm -rf .venv .venv-s3 .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis staticfiles
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/bin/uv: requirements/bootstrap.txt
	@test -w . || { echo "This directory cannot be written, but .venv and var must be made in it." >&2; exit 1; }
	@# A linked environment is shared with other checkouts, and --clear would empty it under them.
	@if [ -L .venv ] && [ -x .venv/bin/uv ]; then exec .venv/bin/uv pip install --quiet --require-hashes --python .venv/bin/python -r requirements/bootstrap.txt; fi; \
	for candidate in $(CANDIDATES); do \
	  if $$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$candidate; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "LifeOS needs Python 3.11 or newer; found none as: $(CANDIDATES). Name one: make $(MAKECMDGOALS) PYTHON=/path/to/python3" >&2; exit 1; \
	fi; \
	if ! $$found -c 'import ensurepip, venv' 2>/dev/null; then \
	  echo "$$found cannot make environments; install its venv module (Debian: apt-get install python3-venv)." >&2; exit 1; \
	fi; \
	echo "Installing into .venv (the first time takes a minute) ..."; \
	$$found -m venv --clear .venv && .venv/bin/python -m pip install --quiet --require-hashes -r requirements/bootstrap.txt
	@touch $@

.venv/.installed: requirements/base.txt .venv/bin/uv
	@$(INSTALL) -r requirements/base.txt
	@.venv/bin/python -m lifeos_project.languages.catalogues
	@touch $@

locale/%.mo: locale/%.po | .venv/.installed
	@.venv/bin/python -m lifeos_project.languages.catalogues
	@touch $@

.venv/.installed-dev: requirements/dev.txt .venv/.installed
	@$(INSTALL) -r requirements/dev.txt
	@touch $@

.venv-s3/.installed: requirements/s3.txt .venv/bin/uv
	@.venv/bin/uv venv --quiet --allow-existing --python .venv/bin/python .venv-s3
	@.venv/bin/uv pip install --quiet --require-hashes --link-mode=copy --python .venv-s3/bin/python -r requirements/s3.txt
	@touch $@
