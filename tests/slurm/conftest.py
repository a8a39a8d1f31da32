"""The cluster of all tests here."""

import os
import shutil
import signal
import sys
from pathlib import Path

import pytest
from cluster import PROGRAMS, Cluster


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/local/sbin:/usr/sbin:/sbin"
    missing = [name for name in PROGRAMS if shutil.which(name, path=path) is None]
    if missing:
        packages = "slurm-wlm slurmdbd mariadb-server munge"
        pytest.skip(f"no {', '.join(missing)}; on Debian or Ubuntu: apt-get install {packages}")
    if os.geteuid() != 0:
        pytest.skip("only root can start this cluster")
    for conf in Cluster.configuration():
        if conf.exists():
            pytest.skip(f"this machine has a SLURM of its own ({conf})")
    # Whoever ends the tests by SIGTERM or by closing the terminal, ends the cluster too.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    with Cluster(tmp_path_factory.mktemp("slurm"), os.environ | {"PATH": path}) as cluster:
        yield cluster
