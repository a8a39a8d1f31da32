"""Kills at random moments: what is given again ends with the tables of a run that nobody disturbed.

What a real machine kills: the main process alone, its whole group, or one of its descendants (a job, a
worker). To afford it, several strikes hit one run, each after it was given again, before it is let finish and
compared.
"""

import numpy as np
import pytest
from kills import Rounds, at_work_in, evaluation, run

from tutti.core.structures import Structures
from tutti.data.shipped import EMBEDDED
from tutti.io import extxyz

CHAIN = {"run": 10, "evaluate": 4}
STRIKES = {
    "run": {"SIGKILL": 60, "SIGTERM": 20, "SIGINT": 20},
    "evaluate": {"SIGKILL": 40, "SIGTERM": 10, "SIGINT": 10},
}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """{command: how to make one in a folder, the tables of one left alone, its seconds}."""
    folder = tmp_path_factory.mktemp("undisturbed")
    known = Structures.load(EMBEDDED / "qm9_6.npz")[np.arange(0, 783, 8)]
    molecules = Structures(known.n_atoms, known.numbers, known.positions)
    rng = np.random.default_rng(0)
    moved = molecules.positions[:] + rng.normal(scale=0.05, size=molecules.positions.shape)
    extxyz.write(folder / "samples.xyz", Structures(known.n_atoms, known.numbers, moved)[:40])
    extxyz.write(folder / "reference.xyz", molecules[40:])
    makers = {
        "run": run,
        "evaluate": lambda at: evaluation(at, folder / "samples.xyz", folder / "reference.xyz"),
    }
    made = {}

    def of(name):
        if name not in made:
            command = makers[name](folder / name)
            seconds = command.finish()
            print(f"{name}: {seconds:.0f} s undisturbed")
            made[name] = makers[name], command.contents(), seconds
        return made[name]

    return of


@pytest.mark.faults
@pytest.mark.parametrize("name", STRIKES)
@pytest.mark.parametrize("signal", ["SIGKILL", "SIGTERM", "SIGINT"])
def test_tables_are_those_of_an_undisturbed_run(undisturbed, rng, tmp_path, name, signal):
    make, tables, seconds = undisturbed(name)
    rounds = Rounds(signal, STRIKES[name][signal])
    while rounds.left:
        command = make(tmp_path / f"{name}{rounds.left}")
        # The moments are spread over the whole run: twice the mean is the span.
        rounds.chain(command, CHAIN[name], 2 * seconds / CHAIN[name] + 4, rng)
        assert command.contents() == tables
        assert at_work_in(command.folder) == []
    print(name, signal, dict(rounds.summary()))
