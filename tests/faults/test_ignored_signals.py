"""A storm of signals that the command ignores, as with `trap '' INT` and `nohup`, changes no number."""

import os
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest

from tutti.core.structures import Structures
from tutti.data.shipped import EMBEDDED
from tutti.io import write

MOLECULES = 60
RUN = "import sys; from tutti.cli import app; sys.argv[0] = 'tutti'; app()"

pytestmark = pytest.mark.faults


@pytest.fixture
def samples(tmp_path, rng):
    """Real molecules."""
    whole = Structures.load(EMBEDDED / "qm9_6.npz")
    chosen = whole[rng.permutation(len(whole))[:MOLECULES]]
    write(tmp_path / "real.xyz", Structures(chosen.n_atoms, chosen.numbers, chosen.positions))
    return tmp_path / "real.xyz"


def evaluated(samples, out, storm=(), every=0.001):
    """Everything that an evaluation found and kept, its `storm` sent to all of its processes."""
    ignored = " ".join(number.name.removeprefix("SIG") for number in storm)
    script = f"trap '' {ignored}; exec \"$@\"" if storm else 'exec "$@"'
    tables = "validity,posebusters,geometry_with_hydrogens,strain"
    arguments = ["evaluate", samples, "--out", out, "--only", tables, "--jobs", "2"]
    command = ["sh", "-c", script, "sh", sys.executable, "-c", RUN, *map(str, arguments)]
    sent = 0
    with subprocess.Popen(
        command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, process_group=0
    ) as run:
        time.sleep(0.5 if storm else 0)  # until the shell has set its trap
        while run.poll() is None:
            for number in storm:
                os.killpg(run.pid, number)
                sent += 1
            time.sleep(every)
    assert run.returncode == 0
    print(f"{sent} signals")
    rows = pd.read_parquet(out / "molecules.parquet")
    texts = {path.name: path.read_bytes() for path in sorted((out / "tables").glob("*"))}
    parts = {path.name: pd.read_parquet(path) for path in sorted((out / ".parts").glob("*.parquet"))}
    return rows, texts, parts


def timeless(frame):
    return frame.drop(columns=[name for name in frame if name.endswith("seconds")])


@pytest.mark.parametrize("storm", [(signal.SIGINT,), (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)])
def test_ignored_signals_change_nothing(samples, tmp_path, storm):
    rows, texts, parts = evaluated(samples, tmp_path / "quiet")
    stormed_rows, stormed_texts, stormed_parts = evaluated(samples, tmp_path / "storm", storm)
    assert rows["posebusters_internal_energy"].fillna(False).sum() > MOLECULES / 2
    pd.testing.assert_frame_equal(timeless(stormed_rows), timeless(rows))
    assert stormed_texts == texts
    assert list(stormed_parts) == list(parts)
    for name, part in parts.items():
        pd.testing.assert_frame_equal(timeless(stormed_parts[name]), timeless(part))


def test_ctrl_c_that_is_not_ignored_ends_all_at_once(samples, tmp_path):
    arguments = ["evaluate", samples, "--out", tmp_path / "out", "--jobs", "2"]
    with subprocess.Popen(
        [sys.executable, "-c", RUN, *map(str, arguments)],
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # whatever these tests run under
    ) as run:
        while not list(tmp_path.glob("out/.parts/*.parquet")) and run.poll() is None:
            time.sleep(0.01)
        os.killpg(run.pid, signal.SIGINT)
        said = run.stderr.read()
        assert run.wait(timeout=30) == 130
    assert "The same command goes on" in said
    with pytest.raises(ProcessLookupError):  # nobody is left of the group
        os.killpg(run.pid, 0)
