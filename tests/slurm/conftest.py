"""A cluster for the tests of each module, with accounts or without."""

import os
import shutil
import signal
import sys
from pathlib import Path

import pytest
from cluster import PROGRAMS, Cluster
from study import STUDY, copy, finish, tables


@pytest.fixture(scope="session")
def surroundings():
    """Environment variables that a cluster can be started with; without its programs tests are skipped."""
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
    return os.environ | {"PATH": path}


@pytest.fixture(scope="module")
def cluster(request, tmp_path_factory, surroundings):
    """A cluster as the module wants it: with accounts in a database, or without."""
    folder = tmp_path_factory.mktemp("slurm")
    with Cluster(folder, surroundings, accounts=request.module.ACCOUNTS) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def local_tables(tmp_path_factory, surroundings):
    """The tables of the small study when nothing disturbs it, and no cluster runs it."""
    tree = copy(tmp_path_factory.mktemp("local"))
    command = ["snakemake", "--cores", "2", "--configfile", STUDY]
    finish(command, tree, surroundings | {"PYTHONPATH": str(tree / "src")})
    return tables(tree)
