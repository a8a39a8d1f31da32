# make demo: set up and run the demo; make test: set up and run the tests. The rest is below.
CORES ?= all
BIN := .venv/bin
STAMP := .venv/.complete
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest

.PHONY: demo test test-all test-slurm lint bench clean
.DEFAULT_GOAL := demo

demo: $(STAMP)
	$(BIN)/snakemake --cores $(CORES) --quiet rules
	@echo "The report: results/demo/report/index.html"

test: $(STAMP)
	$(PYTEST) -n auto --dist loadfile

test-all: $(STAMP)
	$(PYTEST) -n auto --dist loadfile -m "not slurm"

test-slurm: $(STAMP)
	$(PYTEST) -m slurm tests/slurm

lint: $(STAMP)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/snakefmt --check workflow
	$(BIN)/snakemake --lint
	$(BIN)/python -m tutti.config config/*.yaml

bench: $(STAMP)
	set -e; for file in benchmarks/*.py; do $(BIN)/python $$file; done

clean:
	rm -rf results logs .snakemake

# The stamp is written last: a set-up that was interrupted starts again.
$(STAMP): requirements.lock pyproject.toml envs/setup.sh
	bash envs/setup.sh
