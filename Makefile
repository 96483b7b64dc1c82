# make build   the whole way: set up if needed, then train, prune, export, build, simulate, synthesise
# make test    linter, types and tests
# make setup   .venv with .venv/bin/flow in it
# make cases   the networks of tests/cases that make test reads only, to simulated RTL
# make search N=300   random networks, each from QONNX to simulated RTL

.PHONY: build test setup packages lint cases search
.DELETE_ON_ERROR:

PACKAGES := .venv/.packages
READY := .venv/.ready
TORCH_INDEX ?=
PIP := .venv/bin/python -m pip install --disable-pip-version-check --quiet

build: $(READY)
	.venv/bin/flow build --bits 4

test: lint
	.venv/bin/python -m pytest -n 2 --dist loadgroup

lint: $(READY)
	.venv/bin/ruff check .
	.venv/bin/mypy

setup: $(READY)

packages: $(PACKAGES)

# torch comes first and with its own dependencies, because its CPU and CUDA builds differ in them; pip takes a
# CPU wheel where PIP_FIND_LINKS or an extra index (TORCH_INDEX=URL) has one. The rest is installed exactly as
# locked, without dependencies: two of the packages forbid versions of the others that they work with.
# The stamps are written last, so an interrupted setup is taken up again.
$(PACKAGES): requirements.lock
	@.ci/need check
	@.venv/bin/python -m pip --version >/dev/null 2>&1 || { echo "setup: making .venv"; "$$(.ci/need python)" -m venv --clear .venv; }
	@echo "setup: installing torch"
	@$(PIP) $(TORCH_INDEX:%=--extra-index-url %) -c requirements.lock "$$(grep '^torch==' requirements.lock)"
	@echo "setup: installing $$(wc -l < requirements.lock) packages of requirements.lock (about a minute)"
	@$(PIP) --no-deps -r requirements.lock
	@touch $@

$(READY): $(PACKAGES) pyproject.toml
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@
	@echo "setup: done, .venv/bin/flow is there"

search: $(READY)
	.venv/bin/python -m tests.search --count $(or $(N),100) $(if $(SEED),--seed $(SEED)) $(if $(MINUTES),--minutes $(MINUTES))

cases: $(READY)
	.venv/bin/python -m pytest -n 2 -m cases tests/cases
