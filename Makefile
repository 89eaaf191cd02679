# The front door. Bare `make` prints what there is; everything needs only make and Python 3.11 or later.

VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check -qq
LOCK := $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header
# The interpreter to build the environment with, when the search below should not choose: make demo PYTHON=…
PYTHON ?=
ARGS ?=

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help:
	@echo 'Postbode, the e-invoice exchange hub. Start with: make demo'
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo '  Options go in ARGS, such as: make demo ARGS=--keep    make test ARGS="tests/unit -k kvk"'

# ------------------------------------------------------------------ use it

.PHONY: demo
demo: $(VENV)/.demo ## watch real invoices travel through the whole hub, on this machine alone
	@$(PY) -m tests.walks.demo $(ARGS)
	@$(if $(ARGS),,$(PY) -m tests.walks.sync --short)

.PHONY: demo-sync
demo-sync: $(VENV)/.dev ## watch two Globe+ administrations and a Purchase to Pay being kept alike: plan, apply, change, verify
	@$(PY) -m tests.walks.sync

.PHONY: dev
dev: ## run every service on Postgres and RabbitMQ in containers (needs Docker with compose)
	@docker compose --file deploy/compose.yaml up --build $(ARGS)

.PHONY: dev-down
dev-down: ## stop what `make dev` started; its data stay (ARGS=--volumes takes them too)
	@docker compose --file deploy/compose.yaml down $(ARGS)

.PHONY: try
try: $(VENV)/.demo ## send an invoice by API and one by mail through the hub of `make dev`, and watch both arrive
	@PYTHONPATH=. $(PY) deploy/try.py $(ARGS)

# ------------------------------------------------------------------ prove it

.PHONY: test
test: $(VENV)/.dev ## run the whole suite on a real Postgres and RabbitMQ, found or started
	@$(PY) -m pytest --budgets --ignore=tests/bench $(if $(ARGS),$(ARGS),--trace-to=.state/trace.json)

.PHONY: soak
soak: soak-formats ## the long form: 20,000 broken documents, 100 kills in each window, every guarantee broken once (an hour)
	@POSTBODE_SOAK_KILLS=$${POSTBODE_SOAK_KILLS:-100} POSTBODE_SOAK_MINUTES=$${POSTBODE_SOAK_MINUTES:-240} \
		$(PY) -m pytest -s --durations=0 tests/crash $(ARGS)
	@POSTBODE_MAILS=20000 POSTBODE_REQUESTS=20000 $(PY) -m pytest -q --timeout=1800 tests/fuzz/ingest
	@POSTBODE_EXAMPLES=60 $(PY) -m pytest -q --timeout=1800 tests/fuzz/http
	@POSTBODE_CUT_OFFS=20000 $(PY) -m pytest -q tests/integration/ingest/test_cut_off.py
	@POSTBODE_REDRIVE_INVOICES=5000 $(PY) -m pytest --timeout=1800 tests/e2e/test_redrive.py -k disk

.PHONY: check
check: $(VENV)/.dev ## format, style, types, imports, contracts and unit tests, in under 90 seconds
	@$(PY) -m libs.testing.check

.PHONY: bench-convert
bench-convert: $(VENV)/.dev ## how long it takes to read an invoice and write it in another format
	@$(PY) -m tests.bench.convert $(ARGS)

.PHONY: soak-formats
soak-formats: $(VENV)/.dev ## twenty thousand broken documents through every reader and writer
	@POSTBODE_MUTANTS=20000 $(PY) -m pytest -q --timeout=1800 tests/fuzz/einvoice

.PHONY: conformance
conformance: $(VENV)/.dev ## compare every verdict with the official ones (POSTBODE_CORPUS names the folder)
	@$(PY) -m libs.testing.conformance

.PHONY: rules
rules: $(VENV)/.dev ## write docs/rules again: a page for every rule
	@$(PY) -m libs.testing.rulepages

.PHONY: commonest
commonest: $(VENV)/.dev ## count which rules are broken most, and write the walkthrough about them (POSTBODE_CORPUS as above)
	@$(PY) -m libs.testing.commonest
	@$(PY) -m libs.testing.rulepages

.PHONY: bench-validate
bench-validate: $(VENV)/.dev ## how long a verdict takes, beside the official rule packs
	@$(PY) -m tests.bench.validate $(ARGS)

.PHONY: trace
trace: $(VENV)/.dev ## tell which requirements are proven, failing or unproven
	@$(PY) -m libs.testing.trace $(ARGS)

.PHONY: bench-pipeline
bench-pipeline: $(VENV)/.dev ## how many invoices a second, at what cost and delay (ARGS="--invoices 2000" for a short form)
	@$(PY) -m tests.bench.pipeline $(ARGS)

.PHONY: bench-ingest
bench-ingest: $(VENV)/.dev ## how many invoices a second are taken in, one by one, in batches and by mail, and what a burst does to others (ARGS="--invoices 2000")
	@$(PY) -m tests.bench.ingest $(ARGS)

.PHONY: bench-route
bench-route: $(VENV)/.dev ## how fast a receiver is found in a directory of a million parties (ARGS="--parties 100000")
	@$(PY) -m tests.bench.route $(ARGS)

.PHONY: bench-deliver
bench-deliver: $(VENV)/.dev ## how fast invoices are brought, by each channel, and what a receiver that hangs does to others (ARGS="--invoices 2000")
	@$(PY) -m tests.bench.deliver $(ARGS)

.PHONY: bench-sync
bench-sync: $(VENV)/.dev ## how long a plan of a hundred thousand records takes, and how fast one is applied (ARGS="--sizes 10000")
	@$(PY) -m tests.bench.sync $(ARGS)

# ------------------------------------------------------------------ keep it tidy

.PHONY: format
format: $(VENV)/.dev ## put the code into the house's format
	@$(VENV)/bin/ruff check --quiet --fix . ; $(VENV)/bin/ruff format .

.PHONY: contracts
contracts: $(VENV)/.dev ## write docs/contracts, docs/configuration.md, the RabbitMQ definitions, alerts, dashboards and the pictures of the docs anew
	@$(PY) -m libs.contracts.export
	@$(PY) -m libs.einvoice.formats.json_form > docs/formats/invoice.schema.json
	@$(PY) -m services.configuration > docs/configuration.md
	@$(PY) -m libs.lifetimes > docs/lifetimes.md
	@$(PY) -m services.sync.described
	@$(PY) -m libs.testing.picture
	@$(PY) -m libs.testing.watch.alerts > deploy/observability/prometheus/alerts.yaml
	@$(PY) -m libs.testing.watch.dashboards deploy/observability/grafana/dashboards

.PHONY: pictures
pictures: $(VENV)/.dev ## draw the dashboards from the Prometheus of `make dev` into docs/pictures (give it load first: make try ARGS="--load 600")
	@$(PY) -m libs.testing.watch.pictures http://127.0.0.1:$${POSTBODE_DEV_PROMETHEUS_PORT:-9090} docs/pictures $(ARGS)

.PHONY: lock
lock: $(VENV)/.dev ## pin the newest versions of everything in requirements/*.in
	@$(LOCK) $(ARGS) requirements/dev.in --output-file requirements/dev.txt
	@$(LOCK) $(ARGS) --constraint requirements/dev.txt requirements/demo.in --output-file requirements/demo.txt
	@# An image of sync has the driver of SQL Server too.
	@for list in every deliver ingest portal route sync track validate; do \
		$(LOCK) $(ARGS) --constraint requirements/dev.txt requirements/services/$$list.in \
			$$([ $$list = sync ] && echo requirements/globe.in) --output-file requirements/services/$$list.txt; \
	done
	@! grep -nE 'https?://' requirements/*.txt requirements/services/*.txt

.PHONY: sbom
sbom: $(VENV)/.dev ## write a bill of materials of every image (CycloneDX) into .state/sbom
	@mkdir -p .state/sbom
	@for list in deliver ingest portal route sync track validate; do \
		$(PY) -m cyclonedx_py requirements requirements/services/$$list.txt --output-reproducible --sv 1.6 --of JSON \
			--output-file .state/sbom/postbode-$$list.cdx.json || exit 1; \
	done

.PHONY: audit
audit: $(VENV)/.dev ## ask the PyPI advisory database about everything that is pinned (needs the network)
	@for list in deliver ingest portal route sync track validate; do \
		$(PY) -m pip_audit --require-hashes --disable-pip --requirement requirements/services/$$list.txt $(ARGS) || failed=1; \
	done; test -z "$$failed"

# ------------------------------------------------------------------ the environment

# A Python that is new enough and can make environments, from those people usually have.
$(VENV)/.made:
	@for try in $(PYTHON) python3.11 python3.12 python3.13 python3 python3.14; do \
		if "$$try" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			found="$$try"; break; \
		fi; \
	done; \
	if [ -z "$$found" ]; then \
		echo 'Postbode needs Python 3.11 or later with its venv module, and found none.' >&2; \
		echo 'Install it (Debian and Ubuntu: apt install python3 python3-venv), or name it: make PYTHON=/path/to/python3' >&2; \
		exit 1; \
	fi; \
	echo "Making $(VENV) with $$("$$found" --version)"; \
	"$$found" -m venv $(VENV)
	@# The checkout itself, and the client of suppliers in it: on the import path, and as commands.
	@$(PY) -c 'import os, pathlib, sysconfig; here = os.getcwd(); \
		pathlib.Path(sysconfig.get_path("purelib"), "postbode.pth").write_text(f"{here}\n{here}/libs/client\n", "utf-8")'
	@printf '#!/bin/sh\nexec "$$(dirname "$$0")/python" -P -m services.cli "$$@"\n' > $(VENV)/bin/postbode
	@printf '#!/bin/sh\nexec "$$(dirname "$$0")/python" -P -m postbode_client.command "$$@"\n' > $(VENV)/bin/postbode-client
	@chmod +x $(VENV)/bin/postbode $(VENV)/bin/postbode-client
	@touch $@

$(VENV)/.demo: requirements/demo.txt | $(VENV)/.made
	@echo 'Installing what the hub needs (about a minute, once)'
	@$(PIP) install --require-hashes --requirement requirements/demo.txt
	@touch $@

$(VENV)/.dev: requirements/dev.txt | $(VENV)/.made
	@echo 'Installing what the tests need (about a minute, once)'
	@$(PIP) install --require-hashes --requirement requirements/dev.txt
	@touch $@
