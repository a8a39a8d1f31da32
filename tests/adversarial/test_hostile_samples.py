"""A few samples of every hostile kind have their verdict or reason; by the thousand in tests/faults."""

import numpy as np
import pytest

from hostile_geometries import KINDS, hostile, unchecked, unsettled
from tutti.benchmark.metrics import geometry, posebusters
from tutti.benchmark.samples.judged import Judged
from tutti.chemistry.bonds.pool import assign_all
from tutti.core import registry
from tutti.report.browser import Set, contents
from tutti.report.page import packed

LIMIT = 0.3


@pytest.fixture(scope="module")
def judged() -> Judged:
    """A dozen of every kind."""
    samples = hostile(12 * len(KINDS), np.random.default_rng(0))
    verdicts = {name: assign_all(samples, name, 1, LIMIT, progress=False) for name in registry.names("bonds")}
    checks = {"geometry": geometry.check_all(samples, verdicts["xyz2mol"], 1, LIMIT, progress=False)}
    few = verdicts["xyz2mol"].assign(valid=verdicts["xyz2mol"]["valid"] & (np.arange(len(samples)) < 60))
    checks["posebusters"] = posebusters.check_all(samples, few, 1, 3 * LIMIT, progress=False)
    return Judged(samples, verdicts, checks)


def test_every_sample_has_a_verdict_or_a_reason(judged):
    assert len(judged.verdicts) == 5
    for verdicts in judged.verdicts.values():
        assert len(verdicts) == len(judged.structures)
        assert unsettled(verdicts).empty
        assert verdicts["reason"].nunique() > 5  # of many kinds, valid ones among them
        assert verdicts["valid"].any()


def test_every_valid_sample_is_checked_or_has_a_reason(judged):
    assert unchecked(judged.checks["geometry"], "", geometry.TESTS).empty
    assert unchecked(judged.checks["posebusters"], "", posebusters.TESTS).empty
    assert judged.checks["posebusters"]["checked"].sum() > 3


def test_the_page_can_hold_them_all(judged):
    assert packed(contents([Set("none", "hostile", 0, judged)]))
