# make demo: set up and run the demo; make test: set up and run the tests; make setup: the environment only.
CORES ?= all
CHROMIUM ?= chromium
SEED ?= 0
BIN := .venv/bin
STAMP := .venv/.complete
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest

.PHONY: demo results test setup test-all test-faults test-page test-peers test-qm9 test-slurm test-wheel lint bench clean
.DEFAULT_GOAL := demo

demo: $(STAMP)
	$(BIN)/snakemake --cores $(CORES) --quiet rules
	@echo "The report: results/demo/report/index.html"

# docs/results.md and README's results, of the runs that are recorded in docs/results/runs.
results: $(STAMP)
	$(BIN)/python benchmarks/results.py

test: $(STAMP)
	$(PYTEST) -n auto --dist loadfile

setup: $(STAMP)

test-all: $(STAMP)
	$(PYTEST) -n auto --dist loadfile -m "not slurm and not peers and not qm9 and not page and not faults"

# README's commands on a SLURM of one node; as root, after apt-get install slurm-wlm slurmdbd mariadb-server munge.
test-slurm: $(STAMP)
	$(PYTEST) -m slurm tests/slurm

# Kills, flipped bits, hostile files and geometries by the thousand: hours. SEED=n for others.
test-faults: $(STAMP)
	TUTTI_FAULTS_SEED=$(SEED) $(PYTEST) -n 0 -m faults tests/faults

# The report in a browser, which no package of pip brings: apt-get install chromium, or CHROMIUM=google-chrome.
test-page: $(STAMP)
	TUTTI_CHROMIUM=$(CHROMIUM) $(PYTEST) -n 0 -m page tests/page

# The wheel alone, in an environment without extras.
test-wheel: $(STAMP)
	$(PYTEST) -n 0 -m long tests/test_installed.py

# The same energies and forces as schnetpack and nequip, on copied weights.
test-peers: $(STAMP) .venv-schnetpack/.complete .venv-nequip/.complete
	TUTTI_PEER_SCHNETPACK=.venv-schnetpack/bin/python TUTTI_PEER_NEQUIP=.venv-nequip/bin/python \
	$(PYTEST) -n 0 -m peers tests/peers

# All of QM9, fetched through pip (104 MB), against the paper and the molecules that ship.
test-qm9: $(STAMP)
	$(PYTEST) -n 0 -m qm9 tests/data tests/chemistry

.venv-%/.complete: envs/peer-%.sh
	bash $< .venv-$*

lint: $(STAMP)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports --no-logo
	$(BIN)/snakefmt --check workflow
	$(BIN)/snakemake --lint
	$(BIN)/tutti check config/*.yaml config/studies/*.yaml > /dev/null

bench: $(STAMP)
	set -e; for file in benchmarks/*.py; do $(BIN)/python $$file; done

clean:
	rm -rf results logs .snakemake

# The stamp is written last: a set-up that was interrupted starts again.
$(STAMP): requirements.lock pyproject.toml envs/setup.sh
	bash envs/setup.sh
