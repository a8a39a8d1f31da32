"""Memory that is freed and taken again."""

import subprocess
import sys

import pytest

PROGRAM = """
import resource
import sys
import numpy as np
from tutti.core.memory import keep_freed_memory

if sys.argv[1] == "keep":
    keep_freed_memory()
np.ones(4_000_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    np.ones(4_000_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(mode):
    """Page faults of 20 arrays of 32 MB, one after another."""
    command = [sys.executable, "-c", PROGRAM, mode]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator only")
def test_freed_memory_is_taken_again_without_page_faults():
    assert faults("keep") * 50 < faults("as it is")
