# For those who work on Waylog. To run it: python3 manage.py up. To test it: python3 manage.py test.

PYTHON ?= python3
VENV := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help environment check bench lock screenshots

help:  ## List what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

environment:  ## Make .venv equal to requirements.lock
	@$(PYTHON) manage.py version >/dev/null

check: environment  ## Format, lint, types and import directions
	$(VENV)/ruff format --check .
	$(VENV)/ruff check .
	$(VENV)/mypy
	$(VENV)/lint-imports

bench: environment  ## Measure, each figure against its peer, into benchmarks/results.json
	$(VENV)/python -m benchmarks

lock:  ## Pin every dependency of pyproject.toml with its hashes (needs uv)
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-header -o requirements.lock

screenshots: environment  ## Photograph the pages of the demo that `manage.py up` shows, into screenshots/
	$(VENV)/python manage.py screenshots --out screenshots
