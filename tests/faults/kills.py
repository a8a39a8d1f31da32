"""Commands that signals strike at random moments, and that the same words start again until they end."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STUDY = Path(__file__).with_name("study.yaml")
TARGETS = ("main", "group", "child")
# s: a run that was told to stop lets its jobs end.
PATIENCE = 600


@dataclass
class Command:
    """A command in a folder of its own, its output kept in `log`.

    Attributes:
        words: of the command.
        folder: it runs in.
        tables: folder of its tables, in `folder`.
        log: file of the folder.
    """

    words: list[str]
    folder: Path
    tables: Path
    log: str = "console.txt"

    def start(self):
        """The command's process, the leader of a group."""
        with (self.folder / self.log).open("ab") as log:
            return subprocess.Popen(
                self.words,
                cwd=self.folder,
                env=os.environ | {"PYTHONPATH": str(self.folder / "src"), "OMP_NUM_THREADS": "1"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # A script's background job ignores Ctrl-C, and so would what it starts.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )

    def attempt(self):
        """Let it end by itself; its status."""
        with self.start() as process:
            return process.wait(PATIENCE)

    def finish(self):
        """Let it succeed; seconds that took."""
        began = time.monotonic()
        assert self.attempt() == 0, self.shown()
        return time.monotonic() - began

    def shown(self):
        return (self.folder / self.log).read_text(errors="replace")[-6000:]

    def contents(self):
        """{name: bytes} of its tables."""
        return {path.name: path.read_bytes() for path in sorted((self.folder / self.tables).iterdir())}


@dataclass
class Rounds:
    """Strikes of one signal.

    Attributes:
        signal: name of it.
        left: so many are still to come.
        told: a line of each.
    """

    signal: str
    left: int
    told: list[str] = field(default_factory=list)

    def chain(self, command, most, span, rng):
        """Strike one command up to `most` times, each in its first `span` seconds, and let it finish."""
        for _ in range(min(most, self.left)):
            with command.start() as process:
                moment = rng.uniform(0, span)
                deadline = time.monotonic() + moment
                while time.monotonic() < deadline and process.poll() is None:
                    time.sleep(0.01)
                if process.poll() is not None:
                    assert process.returncode == 0, command.shown()
                    return
                target = strike(process.pid, str(rng.choice(TARGETS)), self.signal, rng)
                status = process.wait(PATIENCE)
            self.left -= 1
            self.tell(f"{target} after {moment:.1f} s: status {status}")
        command.finish()

    def tell(self, line):
        self.told.append(line)
        print(f"{self.signal} {len(self.told)}: {line}", flush=True)

    def summary(self):
        return Counter(line.split(" ")[0] for line in self.told)


def strike(pid, target, name, rng):
    """Send a signal to a process, its group or one of its descendants; which it was."""
    number = signal.Signals[name]
    found = descendants(pid)
    if target == "child" and found:
        victim = int(rng.choice(found))
        what = program(victim)
        if sent(lambda: os.kill(victim, number)):
            return f"child ({what})"
    if target == "group":
        os.killpg(pid, number)
        return "group"
    os.kill(pid, number)
    return "main"


def sent(send):
    try:
        send()
    except ProcessLookupError:
        return False
    return True


def descendants(pid):
    """Processes that a process has started, and those that these have."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(path.parent.name))
    found, new = [], [pid]
    while new:
        new = [child for parent in new for child in parents.get(parent, ())]
        found += new
    return sorted(found)


def program(pid):
    """What a process runs, in a word."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    except OSError:
        return "gone"
    return next((Path(word).name for word in words if "/scripts/" in word), Path(words[0]).name)


def at_work_in(folder):
    """Processes whose working directory is in the folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cwd"):
        try:
            place = path.readlink()
        except OSError:
            continue
        if place.is_relative_to(folder):
            found.append(int(path.parent.name))
    return found


def run(folder, generators, forcefields):
    """A whole run of the small study with some of its models, in a folder that stands for the repository."""
    folder.mkdir(parents=True)
    for name in ("src", "workflow", "scripts", "config", "envs"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "models.yaml").write_text(
        f"generation: {{models: [{generators}]}}\n"
        f"forcefields: {{runs: [{{dataset: ethanol_small, models: [{forcefields}]}}]}}\n"
    )
    words = [sys.executable, "-m", "snakemake", "--cores", "2", "--configfile", str(STUDY), "models.yaml"]
    return Command(words, folder, Path("results/faults/tables"))


def evaluation(folder, files):
    """`tutti evaluate` of the few molecules of `files`, in a new folder."""
    folder.mkdir(parents=True)
    (folder / "src").symlink_to(ROOT / "src")
    words = [sys.executable, "-c", "from tutti.cli import app; app()", "evaluate", str(files / "samples.xyz")]
    words += ["--reference", str(files / "reference.xyz"), "--jobs", "2", "--molecules", "8", "--out", "out"]
    return Command(words, folder, Path("out/tables"))
