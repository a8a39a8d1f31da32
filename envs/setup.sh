#!/usr/bin/env bash
# Make .venv with the versions of requirements.lock and the package itself (editable). Used by the Makefile.
# PYTHON=/path/to/python chooses the interpreter.
set -euo pipefail
cd "$(dirname "$0")/.."

needed_gb=4
log=.venv/setup.log

fail() {
  printf '\nSet-up stopped: %s\n' "$1" >&2
  exit 1
}

suitable() {
  command -v "$1" >/dev/null && "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
  local candidate
  for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
    if suitable "$candidate"; then
      command -v "$candidate"
      return
    fi
  done
  return 1
}

explain() {
  if grep -qi 'no space left' "$log"; then
    fail "the disk is full. About $needed_gb GB are needed here and some more in the temporary folder."
  elif grep -q 'CERTIFICATE_VERIFY_FAILED' "$log"; then
    fail "the package index shows a certificate that this machine does not trust. Is a proxy in between? PIP_CERT names the file with its certificate authority. On Debian or Ubuntu such files go into /usr/local/share/ca-certificates, then sudo update-ca-certificates."
  elif grep -qiE 'name resolution|connectionerror|connection (broken|refused|reset|aborted)|timed out|proxyerror|no matching distribution' "$log"; then
    fail "pip could not get the packages (see above). Is there a network? A proxy is set with HTTPS_PROXY, another package index with PIP_INDEX_URL."
  fi
  fail "pip failed; its messages are above and in $log."
}

python=$(find_python) ||
  fail "Python 3.11 or newer is needed and ${PYTHON:-python3} is $("${PYTHON:-python3}" --version 2>/dev/null || echo missing). On Debian or Ubuntu: sudo apt-get install python3 python3-venv libgomp1; or name another with PYTHON=/path/to/python make."
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
  fail "$python has no venv module. On Debian or Ubuntu: sudo apt-get install python$version-venv libgomp1"
# tblite's wheel is the only one that does not bring OpenMP along.
"$python" -c 'import ctypes, sys; sys.platform != "linux" or ctypes.CDLL("libgomp.so.1")' 2>/dev/null ||
  fail "libgomp.so.1 (OpenMP) is missing; xTB needs it. On Debian or Ubuntu: sudo apt-get install libgomp1"

if [ -f .venv/.complete ] && .venv/bin/python -c '' 2>/dev/null; then
  echo "Updating .venv to requirements.lock."
  rm .venv/.complete
else
  mkdir -p .venv # it may be a link or a mount: its own disk counts
  free_gb=$(($(df -Pk .venv | awk 'NR == 2 {print $4}') / 1048576))
  [ "$free_gb" -ge "$needed_gb" ] || fail "$needed_gb GB of free disk are needed, there are $free_gb GB in $PWD/.venv."
  echo "Making .venv with $python ($version); this downloads packages and takes a few minutes."
  "$python" -m venv --clear .venv
fi

pip() {
  .venv/bin/python -m pip --disable-pip-version-check "$@" 2>&1 | tee "$log" || explain
}
pip install --retries 2 --requirement requirements.lock
pip install --no-deps --no-build-isolation --editable .

touch .venv/.complete
echo "Set-up complete."
