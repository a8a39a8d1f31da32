"""A real SLURM cluster of one node, this machine, with accounts in a database or without any."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd

# Snakemake's job steps drop SLURM_CONF, so that the configuration must lie where SLURM looks by default.
FOLDER = Path("/etc/slurm")
KEEPER = Path(__file__).with_name("keeper.py")
PROGRAMS = ("munged", "mariadb-install-db", "mariadbd", "slurmdbd", "slurmctld", "slurmd", "sacctmgr", "srun")
PARTITION, ACCOUNT, CPUS = "test", "tests", 8

# A process gets no more addresses than four times the memory of its job, without a cgroup. (SLURM 22.05 asks
# for the end of a wrong job when JobAcctGatherParams=OverMemoryKill has found one.)
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
VSizeFactor=400
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=5
SlurmdTimeout=10
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=64000 State=UNKNOWN
PartitionName={partition} Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""

ACCOUNTS = """
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePass={folder}/munge.socket
AccountingStoragePort={ports[2]}
AccountingStoreFlags=job_comment
"""
NO_ACCOUNTS = """
AccountingStorageType=accounting_storage/none
"""

SLURMDBD_CONF = """
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort={ports[2]}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
LogFile={folder}/slurmdbd.log
PidFile={folder}/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=root
"""


def wait_for(condition, what, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"no {what} after {seconds} s"
        time.sleep(0.5)


def rule_of(comment):
    """The rule or group that a job's comment names."""
    return comment.removeprefix("rule_").split("_wildcards_")[0]


def free_ports(n):
    sockets = [socket.socket() for _ in range(n)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def kept(*command, stay=False, remove=(), **options):
    """Start a command that leaves nothing behind, however it or this process ends."""
    removed = [part for path in remove for part in ("--remove", path)]
    arguments = ["--of", os.getpid(), *(["--stay"] if stay else []), *removed, "--", *command]
    return subprocess.Popen(
        [sys.executable, KEEPER, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # Ctrl-C must not end a daemon before the jobs
        **options,
    )


class Cluster:
    """Daemons that start one after another; with each ends all that it has started, jobs too."""

    def __init__(self, folder, environment, accounts=True):
        self.folder = folder
        self.environment = environment | {"MYSQL_UNIX_PORT": f"{folder}/database.socket"}
        self.accounts = accounts
        self.host = socket.gethostname().split(".")[0]
        self.keepers = []

    def __enter__(self):
        try:
            self.start_all()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error):
        for keeper in reversed(self.keepers):
            keeper.terminate()
        for keeper in reversed(self.keepers):
            keeper.wait()

    @staticmethod
    def configuration():
        return FOLDER / "slurm.conf", FOLDER / "slurmdbd.conf"

    def start_all(self):
        self.configure()
        self.start_munge()
        if self.accounts:
            self.start_database()
            self.start("slurmdbd", "-D")
            self.wait_for("sacctmgr", "--immediate", "add", "cluster", "tutti")
            self.wait_for("sacctmgr", "--immediate", "add", "account", ACCOUNT)
            self.wait_for("sacctmgr", "--immediate", "add", "user", "root", f"account={ACCOUNT}")
        self.start_controller()
        self.start_node()
        self.wait_for("srun", "--immediate=5", "hostname")

    def start_controller(self):
        self.start("slurmctld", "-D")

    def start_node(self):
        self.start("slurmd", "-D", "-N", self.host)

    def configure(self):
        for name in ("state", "spool"):
            (self.folder / name).mkdir()
        FOLDER.mkdir(exist_ok=True)
        values = {"folder": self.folder, "host": self.host, "ports": free_ports(3)}
        values |= {"cpus": CPUS, "partition": PARTITION}
        texts = SLURM_CONF + (ACCOUNTS if self.accounts else NO_ACCOUNTS), SLURMDBD_CONF
        for path, text in zip(self.configuration(), texts, strict=True):
            path.touch(mode=0o600)  # slurmdbd refuses a file that others may read
            path.write_text(text.format(**values))

    def start(self, program, *arguments):
        with (self.folder / f"{program}.out").open("ab") as output:
            command = shutil.which(program, path=self.environment["PATH"]), *arguments
            options = {"env": self.environment, "stdout": output}
            self.keepers.append(kept(*command, stay=True, remove=self.configuration(), **options))

    def kill(self, program):
        """End a daemon as a failure does; what it has started goes on."""
        process = int((self.folder / f"{program}.pid").read_text())
        os.kill(process, signal.SIGKILL)
        wait_for(lambda: not Path(f"/proc/{process}").exists(), f"end of {program}")

    def start_munge(self):
        """An own munge beside any that the machine runs: own key, own socket."""
        key = self.folder / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(secrets.token_bytes(128))
        options = {"socket": "socket", "log-file": "log", "pid-file": "pid", "seed-file": "seed"}
        files = {option: self.folder / f"munge.{suffix}" for option, suffix in options.items()}
        # --force: the temporary folder may be writable by others.
        arguments = [f"--{option}={path}" for option, path in ({"key-file": key} | files).items()]
        self.start("munged", "--foreground", "--force", *arguments)
        wait_for((self.folder / "munge.socket").exists, "munge", 20)

    def start_database(self):
        options = ["--no-defaults", f"--datadir={self.folder}/database", "--user=root"]
        self.run("mariadb-install-db", *options, "--auth-root-authentication-method=normal")
        socket_file = Path(self.environment["MYSQL_UNIX_PORT"])
        files = [f"--socket={socket_file}", f"--pid-file={self.folder}/database.pid"]
        self.start("mariadbd", *options, *files, "--skip-networking")
        wait_for(socket_file.exists, "database")

    def run(self, *command):
        """Output of a command of the cluster."""
        result = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=True, timeout=60
        )
        return result.stdout

    def wait_for(self, *command):
        """Repeat a command until it succeeds."""

        def succeeds():
            try:
                self.run(*command)
            except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
                return False
            return True

        try:
            wait_for(succeeds, f"success of {' '.join(command)}", 90)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.logs()}") from None

    def cancel_jobs(self):
        self.run("scancel", "--user=root")
        wait_for(lambda: not self.run("squeue", "--noheader"), "end of all jobs")

    def jobs(self, states="RUNNING"):
        """Numbers of the jobs in these states, and the rules or groups that they are of."""
        lines = self.run("squeue", "--noheader", f"--states={states}", "--format=%i %k").splitlines()
        return {number: rule_of(comment) for number, comment in (line.split() for line in lines)}

    def running(self, rule):
        """The number of the one running job of a rule; none: None."""
        return next((number for number, of in self.jobs().items() if of == rule), None)

    def times(self):
        """Start and end of every job that SLURM remembers, as text of equal length."""
        lines = self.run("squeue", "--noheader", "--states=all", "--format=%i %S %e").splitlines()
        return {line.split()[0]: tuple(line.split()[1:]) for line in lines}

    def jobs_of(self, run):
        """All submissions of a run of Snakemake: rule or group, state and number of CPUs."""
        wanted = ["--noheader", "--parsable2", "--format=Comment,State,AllocCPUS", f"--name={run}"]
        lines = self.run("sacct", "-X", "--starttime=now-1day", *wanted).splitlines()
        jobs = pd.DataFrame([line.split("|") for line in lines], columns=["name", "state", "cpus"])
        return jobs.assign(name=jobs["name"].map(rule_of)).astype({"cpus": int})

    def logs(self):
        files = sorted(path for pattern in ("*.log", "*.out") for path in self.folder.glob(pattern))
        return "\n".join(f"--- {path.name}\n{path.read_text()[-3000:]}" for path in files)
