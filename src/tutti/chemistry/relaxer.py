"""Relaxation of molecules in a process of its own, which a molecule may hang or crash.

A program and no fork, because the number of OpenMP threads must be in the environment before tblite is
loaded, and because a fork does not survive OpenMP threads that its parent has started. This module needs
no tblite itself.
"""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from typing import Self

from tutti.core.hardware import thread_variables

CRASHES = {signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGFPE, signal.SIGILL}


@dataclass(frozen=True)
class Relaxed:
    """A molecule in its minimum.

    Attributes:
        numbers: n atomic numbers.
        positions: n rows of three, Å.
        energy: total, eV.
        atomisation_energy: total minus that of the free atoms (negative), eV. A fifth too large or more, for
            GFN2-xTB's atoms have no spin polarisation.
        homo: eV.
        lumo: eV.
        gap: eV.
        dipole: norm, D.
    """

    numbers: list[int]
    positions: list[list[float]]
    energy: float
    atomisation_energy: float
    homo: float
    lumo: float
    gap: float
    dipole: float


class Relaxer:
    """A process that relaxes molecules on one CPU thread, and is replaced when a molecule kills it.

    Use as a context manager, from one thread at a time.
    """

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tutti.chemistry.xtb"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | thread_variables(1),
            text=True,
            bufsize=1,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def relax(self, smiles: str, seed: int, force_threshold: float, time_limit: float) -> Relaxed | str:
        """What `tutti.chemistry.xtb.relax` gives, or the reason of its rejection.

        Two reasons come on top of those there: `time_limit` (given in s) and `crash`.

        Raises:
            RuntimeError: when the process ended in another way, which is no property of the molecule.
        """
        request = {
            "smiles": smiles,
            "seed": seed,
            "force_threshold": force_threshold,
            "time_limit": time_limit,
        }
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            return self._bury(smiles)
        outcome = json.loads(answer)
        return outcome["rejected"] if "rejected" in outcome else Relaxed(**outcome)

    def _bury(self, smiles: str) -> str:
        self._process.communicate()
        ended_by = -self._process.returncode
        if ended_by != signal.SIGALRM and ended_by not in CRASHES:
            raise RuntimeError(
                f"the process that relaxes '{smiles}' ended with status {-ended_by}; see its messages"
            )
        self._start()
        return "time_limit" if ended_by == signal.SIGALRM else "crash"
