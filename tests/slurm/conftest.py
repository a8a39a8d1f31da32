"""A real SLURM cluster of one node, this machine, for the time of a test."""

import os
import secrets
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

# Snakemake's job steps drop SLURM_CONF, so that the configuration must lie where SLURM looks by default.
CONF = Path("/etc/slurm/slurm.conf")
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel")

# More CPUs and memory than there are, so that no rule's request is refused (config_overrides allows it).
SLURM_CONF = """
ClusterName=tutti
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=5
MinJobAge=600
NodeName={host} NodeAddr=127.0.0.1 CPUs=8 RealMemory=64000 State=UNKNOWN
PartitionName=test Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def free_ports(n):
    sockets = [socket.socket() for _ in range(n)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def wait_for(condition, what, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"no {what} after {seconds} s"
        time.sleep(0.5)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """Environment variables for commands that shall use the cluster."""
    missing = [name for name in PROGRAMS if shutil.which(name, path=path_with_sbin()) is None]
    if missing:
        pytest.skip(f"no {', '.join(missing)}; on Debian or Ubuntu: apt-get install slurm-wlm munge")
    if os.geteuid() != 0:
        pytest.skip("only root can start this cluster")
    if CONF.exists():
        pytest.skip(f"this machine has a SLURM of its own ({CONF})")
    folder = tmp_path_factory.mktemp("slurm")
    for name in ("state", "spool"):
        (folder / name).mkdir()
    host = socket.gethostname().split(".")[0]
    environment = os.environ | {"PATH": path_with_sbin()}
    CONF.parent.mkdir(exist_ok=True)
    CONF.write_text(SLURM_CONF.format(folder=folder, host=host, ports=free_ports(2)))
    try:
        with Daemons(folder, environment) as daemons:
            daemons.start_munge()
            daemons.start("slurmctld", "-D")
            daemons.start("slurmd", "-D", "-N", host)
            try:
                wait_for(lambda: answers(environment), "answer of srun", 90)
            except AssertionError as error:
                raise AssertionError(f"{error}\n{daemons.logs()}") from None
            yield environment
    finally:
        CONF.unlink()


def path_with_sbin():
    return f"{os.environ['PATH']}:/usr/local/sbin:/usr/sbin:/sbin"


def answers(environment):
    try:
        result = subprocess.run(
            ["srun", "--immediate=5", "hostname"], env=environment, capture_output=True, timeout=20
        )
    except subprocess.TimeoutExpired:
        return False
    return result.returncode == 0


class Daemons:
    """Started one after another, and stopped in the opposite order."""

    def __init__(self, folder, environment):
        self.folder = folder
        self.environment = environment
        self.running = []

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for process in reversed(self.running):
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()

    def start(self, program, *arguments):
        output = (self.folder / f"{program}.out").open("wb")
        self.running.append(
            subprocess.Popen(
                [shutil.which(program, path=self.environment["PATH"]), *map(str, arguments)],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        )

    def start_munge(self):
        """An own munge beside any that the machine runs: own key, own socket."""
        key = self.folder / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(secrets.token_bytes(128))
        files = {"key-file": key} | {
            option: self.folder / f"munge.{suffix}"
            for option, suffix in {
                "socket": "socket",
                "log-file": "log",
                "pid-file": "pid",
                "seed-file": "seed",
            }.items()
        }
        arguments = [f"--{option}={path}" for option, path in files.items()]
        # --force: the temporary folder may be writable by others.
        self.start("munged", "--foreground", "--force", *arguments)
        wait_for((self.folder / "munge.socket").exists, "munge", 20)

    def logs(self):
        files = sorted(path for pattern in ("*.log", "*.out") for path in self.folder.glob(pattern))
        return "\n".join(f"--- {path.name}\n{Path(path).read_text()[-3000:]}" for path in files)


@pytest.fixture
def waiting():
    return wait_for
