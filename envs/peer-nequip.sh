#!/usr/bin/env bash
# An environment with nequip, for the tests that compare with it: `bash envs/peer-nequip.sh FOLDER`.
set -euo pipefail
python3 -m venv --clear "$1"
"$1/bin/pip" install --disable-pip-version-check torch==2.13.0 nequip==0.19.1
touch "$1/.complete"
