"""The seed of all faults."""

import os

import numpy as np
import pytest

from tutti.core.structures import Structures
from tutti.data.shipped import EMBEDDED
from tutti.io import extxyz


@pytest.fixture
def rng():
    """Random numbers of TUTTI_FAULTS_SEED, which the test's report shows."""
    seed = int(os.environ.get("TUTTI_FAULTS_SEED", "0"))
    print(f"TUTTI_FAULTS_SEED={seed}")
    return np.random.default_rng(seed)


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
