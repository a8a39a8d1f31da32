"""The seed of all faults."""

import os

import numpy as np
import pytest


@pytest.fixture
def rng():
    """Random numbers of TUTTI_FAULTS_SEED, which the test's report shows."""
    seed = int(os.environ.get("TUTTI_FAULTS_SEED", "0"))
    print(f"TUTTI_FAULTS_SEED={seed}")
    return np.random.default_rng(seed)
