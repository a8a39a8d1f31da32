import subprocess
import sys

import pytest


def run(code, tmp_path):
    return subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )


def test_everything_inside_the_block_goes_into_the_log_also_from_c(tmp_path):
    result = run(
        "import ctypes, os, sys\n"
        "from tutti.core.logs import redirect\n"
        "print('before')\n"
        "with redirect('deep/job.log'):\n"
        "    print('python')\n"
        "    print('error', file=sys.stderr)\n"
        "    ctypes.CDLL(None).puts(b'from C')\n"
        "    ctypes.CDLL(None).fflush(None)\n"
        "    os.system('echo child')\n"
        "print('after')\n",
        tmp_path,
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "before\nafter\n", "")
    log = (tmp_path / "deep/job.log").read_text().split("\n")
    assert sorted(log) == ["", "child", "error", "from C", "python"]


def test_an_exception_ends_in_the_log_and_as_exit_status(tmp_path):
    result = run(
        "from tutti.core.logs import redirect\n"
        "with redirect('job.log'):\n    raise ValueError('what is wrong')\n",
        tmp_path,
    )
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "job.log: ValueError: what is wrong\n"
    assert (tmp_path / "job.log").read_text().endswith("ValueError: what is wrong\n")


def test_rdkit_writes_into_the_log(tmp_path):
    result = run(
        "from tutti.core.logs import redirect\n"
        "with redirect('job.log'):\n"
        "    from rdkit import Chem\n"
        "    Chem.MolFromSmiles('C1CC')\n",
        tmp_path,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert "unclosed ring" in (tmp_path / "job.log").read_text()


def test_announcements_reach_the_log_and_the_console(tmp_path):
    result = run(
        "from tutti.core.logs import announce, redirect\n"
        "announce('outside')\n"
        "with redirect('job.log'):\n"
        "    announce('inside')\n",
        tmp_path,
    )
    assert (result.stdout, result.stderr) == ("", "outside\njob.log: inside\n")
    assert (tmp_path / "job.log").read_text() == "inside\n"


@pytest.mark.parametrize(
    ("number", "status", "line"),
    [("SIGINT", 130, "stopped by Ctrl-C"), ("SIGTERM", -15, "stopped by SIGTERM")],
)
def test_a_job_that_is_stopped_says_so_in_a_line(tmp_path, number, status, line):
    result = run(
        "import os, signal\n"
        "from tutti.core.logs import redirect\n"
        # A test that runs in a shell's background inherits that it is ignored.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "with redirect('job.log'):\n"
        f"    os.kill(os.getpid(), signal.{number})\n"
        "    print('never')\n",
        tmp_path,
    )
    assert (result.returncode, result.stdout, result.stderr) == (status, "", f"job.log: {line}\n")
    assert (tmp_path / "job.log").read_text() == f"{line}\n"


def test_workers_that_are_stopped_say_nothing(tmp_path):
    result = run(
        "import multiprocessing, time\n"
        "from tutti.core.logs import redirect\n"
        "context = multiprocessing.get_context('fork')\n"
        "ready = context.Event()\n"
        "def work():\n"
        "    ready.set()\n"
        "    time.sleep(60)\n"
        "with redirect('job.log'):\n"
        "    worker = context.Process(target=work)\n"
        "    worker.start()\n"
        "    ready.wait()\n"
        "    worker.terminate()\n"
        "    worker.join()\n"
        "    print(worker.exitcode)\n",
        tmp_path,
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert (tmp_path / "job.log").read_text() == "-15\n"
