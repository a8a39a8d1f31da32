"""Kills at random moments: what is given again ends with the tables of a run that nobody disturbed.

What a real machine kills: the main process alone, its whole group, or one of its descendants (a job, a
worker). To afford it, several strikes hit one run, each after it was given again, before it is let finish and
compared; and each run is of few models, all of them in turn.
"""

from itertools import count

import numpy as np
import pytest
from kills import Rounds, at_work_in, evaluation, run

from tutti.core.structures import Structures
from tutti.data.shipped import EMBEDDED
from tutti.io import extxyz

CHAIN = {"run": 10, "evaluate": 5}
STRIKES = {
    "run": {"SIGKILL": 60, "SIGTERM": 20, "SIGINT": 20},
    "evaluate": {"SIGKILL": 40, "SIGTERM": 10, "SIGINT": 10},
}
MODELS = [
    ("symphony_tiny", "schnet_tiny"),
    ("edm_tiny, gspherenet_tiny", "painn_tiny"),  # EDM completes nothing
    ("gschnet_tiny", "nequip_tiny"),
]
turn = count()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Real molecules with noise, and others as they are."""
    folder = tmp_path_factory.mktemp("files")
    known = Structures.load(EMBEDDED / "qm9_6.npz")[np.arange(0, 783, 8)]
    noise = np.random.default_rng(0).normal(scale=0.05, size=known.positions.shape)
    extxyz.write(
        folder / "samples.xyz", Structures(known.n_atoms, known.numbers, known.positions + noise)[:40]
    )
    extxyz.write(folder / "reference.xyz", Structures(known.n_atoms, known.numbers, known.positions)[40:])
    return folder


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Function of what makes a command in a folder: tables of one left alone, and its seconds; made once."""
    made = {}

    def of(key, make):
        if key not in made:
            command = make(tmp_path_factory.mktemp("undisturbed") / "whole")
            seconds = command.finish()
            print(f"{key}: {seconds:.0f} s undisturbed", flush=True)
            made[key] = command.contents(), seconds
        return made[key]

    return of


@pytest.mark.faults
@pytest.mark.parametrize("name", STRIKES)
@pytest.mark.parametrize("signal", ["SIGKILL", "SIGTERM", "SIGINT"])
def test_tables_are_those_of_an_undisturbed_run(undisturbed, files, rng, tmp_path, name, signal):
    rounds = Rounds(signal, STRIKES[name][signal])
    while rounds.left:
        models = MODELS[next(turn) % len(MODELS)] if name == "run" else ()

        def make(folder, models=models):
            return run(folder, *models) if models else evaluation(folder, files)

        tables, seconds = undisturbed((name, *models), make)
        command = make(tmp_path / f"{name}{rounds.left}")
        # The moments are spread over the whole run: twice the mean is the span.
        rounds.chain(command, CHAIN[name], 2 * seconds / CHAIN[name], rng)
        assert command.contents() == tables
        assert at_work_in(command.folder) == []
        print(f"{name}, {signal}: the same {len(tables)} tables after {len(rounds.told)} strikes", flush=True)
    print(name, signal, dict(rounds.summary()))
