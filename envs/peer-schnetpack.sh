#!/usr/bin/env bash
# An environment with schnetpack, for the tests that compare with it: `bash envs/peer-schnetpack.sh FOLDER`.
# schnetpack 2.1.1 asks for an older sympy than torch 2.13 takes, so that its dependencies are named here.
set -euo pipefail
python3 -m venv --clear "$1"
pip=("$1/bin/pip" install --disable-pip-version-check)
"${pip[@]}" torch==2.13.0 ase dirsync fasteners h5py hydra-colorlog hydra-core matscipy numpy protobuf \
  pytorch-lightning pyyaml rich safetensors tensorboard tensorboardX torch-ema torchmetrics tqdm
"${pip[@]}" --no-deps schnetpack==2.1.1
touch "$1/.complete"
