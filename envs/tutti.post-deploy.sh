#!/usr/bin/env bash
# Run by Snakemake in the new environment, from the folder that the workflow is started in: the repository.
set -euo pipefail
python -m pip install --no-deps --no-build-isolation --editable .
