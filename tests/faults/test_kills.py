"""Kills at random moments: what is given again ends with the tables of a run that nobody disturbed.

What a real machine kills: the main process alone, its whole group, or one of its descendants (a job, a
worker). To afford it, several strikes hit one run, each after it was given again, before it is let finish and
compared; and each run is of few models, all of them in turn.
"""

from itertools import count

import pytest
from kills import Rounds, at_work_in, evaluation, run

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
