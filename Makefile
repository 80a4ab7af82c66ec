# Everything goes through these; see CONTRIBUTING.md.
# make needs nothing but Python 3.11 or later: PYTHON=python3.12 make run

PYTHON ?= python3
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin

.PHONY: setup setup-test run test test-sanitize train lint fix lock bench bench-accuracy bench-http bench-batch \
  bench-campaign soak clean

setup: $(VENV)/.run-installed

setup-test: $(VENV)/.test-installed

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or later is needed, $$($(PYTHON) -V) found: PYTHON=python3.12 make $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

SOURCES_TO_BUILD := $(wildcard classifier/*/*.pyx classifier/*/*.pxd classifier/*/*.h)

# Locked with hashes; then the project itself, without asking for anything more.
$(VENV)/.run-installed: .locks/run.txt pyproject.toml $(SOURCES_TO_BUILD) | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r .locks/run.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(BIN)/python -c "from classifier import engine; print('engine: compiled' if engine == 'compiled' else \
	  'engine: plain Python, some 20 times slower, same answers; a C compiler and Python headers make it fast')"
	@touch $@

$(VENV)/.test-installed: .locks/test.txt $(VENV)/.run-installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r .locks/test.txt
	@touch $@

run: setup
	$(BIN)/narratives serve --port $(PORT)

# An idle thread of the linear algebra would spin on the core that another fold needs; the figures are the same.
train: setup
	OPENBLAS_THREAD_TIMEOUT=4 $(BIN)/narratives train --max-features 41000

# Every check: format, lint, types, import rules, labels, tests, documentation that runs. Chromium, PostgreSQL and nginx,
# which some tests need, are installed first (Debian, root); NO_SYSTEM=1 forbids it.
test: lint
	$(BIN)/python tests/system.py
	$(BIN)/narratives labels check > /dev/null
	$(BIN)/narratives models verify
	$(BIN)/python -m pytest -n auto -rs

# The compiled code under AddressSanitizer and UndefinedBehaviorSanitizer: gcc on Linux. What is built lies in a copy, so
# that neither $(VENV) nor what is built in the checkout is touched; "make setup-test" comes first, by hand.
# Given CFLAGS replace Python's own, -fwrapv and -DNDEBUG among them: overflows are seen, assertions are on.
SANITIZED := build/sanitize
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -g -O1
SANITIZED_TESTS := tests/text/test_sentences.py tests/model/test_linear.py tests/model/test_answering.py \
  tests/model/test_columns.py tests/model/test_evidence.py tests/training/test_features.py tests/training/test_fitting.py

test-sanitize: export PYTHONDONTWRITEBYTECODE := 1
test-sanitize:
	@test -x $(BIN)/pytest || { echo "make setup-test first"; exit 1; }
	rm -rf $(SANITIZED)
	mkdir -p $(SANITIZED)
	tar -cf - --exclude='*.so' --exclude='_*.c' --exclude=__pycache__ \
	  classifier labels models service tests LICENSE README.md pyproject.toml | tar -xf - -C $(SANITIZED)
	sed -i -e 's/"-O3", //' -e 's/^optional = true/optional = false/' $(SANITIZED)/pyproject.toml
	cd $(SANITIZED) && CC=gcc CFLAGS="$(SANITIZE)" LDFLAGS="$(SANITIZE)" $(abspath $(BIN))/python \
	  -W ignore -c 'from setuptools import setup; setup()' --quiet build_ext --inplace --cython-line-directives
	@cd $(SANITIZED) && for module in text/_ngrams text/_sentences model/_scorer model/_answering model/_evidence training/_joint \
	  training/_weigh; do \
	  grep -q __asan_report classifier/$$module.*.so && grep -q __ubsan_handle classifier/$$module.*.so || \
	  { echo "classifier/$$module was not built with the sanitizers"; exit 1; }; done
	cd $(SANITIZED) && LD_PRELOAD="$$(gcc -print-file-name=libasan.so) $$(gcc -print-file-name=libubsan.so)" \
	  ASAN_OPTIONS=detect_leaks=0:abort_on_error=1 UBSAN_OPTIONS=print_stacktrace=1:abort_on_error=1 \
	  PYTHONMALLOC=malloc PYTHONPATH="$(CURDIR)/$(SANITIZED)" NARRATIVES_ENGINE=compiled \
	  $(abspath $(BIN))/python -m pytest $(SANITIZED_TESTS) -n0 -p no:cacheprovider --capture=sys

lint: setup-test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fix: setup-test
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Resolve the dependencies anew, for every platform and Python version at once.
lock: $(BIN)/python
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  --extra all --output-file .locks/run.txt pyproject.toml .locks/build.in
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  --extra test --constraint .locks/run.txt --output-file .locks/test.txt pyproject.toml .locks/build.in

# How fast the scorer is beside scikit-learn and fastText; the latter wants numpy < 2 and has an environment of its own.
FASTTEXT := .cache/fasttext

bench: setup $(FASTTEXT)/.installed
	test -f .cache/fasttext.bin || $(FASTTEXT)/bin/python benchmarks/peers.py labels .cache/fasttext.bin
	$(BIN)/python benchmarks/rate.py .cache/fasttext.bin $(FASTTEXT)/bin/python

$(FASTTEXT)/.installed:
	$(PYTHON) -m venv $(FASTTEXT)
	$(FASTTEXT)/bin/python -m pip install --quiet --disable-pip-version-check fasttext==0.9.3 "numpy<2"
	@touch $@

# The project's own test set and neutral articles, beside peers trained on the same sentences; these have an environment
# of their own (torch is large). With DATA=../shared/benchmarks other people's labelled data too.
PEERS := .cache/peers

bench-accuracy: setup $(PEERS)/.installed
	HF_HUB_OFFLINE=1 $(PEERS)/bin/python benchmarks/peers.py labels .cache/peers.json
	$(BIN)/python benchmarks/accuracy.py .cache/peers.json
	$(if $(DATA),$(BIN)/python benchmarks/foreign.py $(DATA))

$(PEERS)/.installed: benchmarks/peers.txt
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/peers.txt
	@touch $@

# Requests per second beside peers, and ten minutes of everything at once; both on loopback only, both need two cores, the
# first wrk too (Debian's package).
SERVING_PEERS := .cache/serving-peers

bench-http: setup $(SERVING_PEERS)/.installed
	$(BIN)/python benchmarks/serving.py $(SERVING_PEERS)/bin/python

$(SERVING_PEERS)/.installed: benchmarks/serving_peers.txt
	$(PYTHON) -m venv $(SERVING_PEERS)
	$(SERVING_PEERS)/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/serving_peers.txt
	@touch $@

# Whole files beside model.score, and memory, on made-up posts; planted campaigns, found or not (some 15 minutes each).
bench-batch: setup
	$(BIN)/python benchmarks/batch.py $(or $(MILLIONS),10)

bench-campaign: setup
	$(BIN)/python benchmarks/campaign.py

MINUTES ?= 10

soak: setup
	$(BIN)/python benchmarks/soak.py $(MINUTES)

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .hypothesis .cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
