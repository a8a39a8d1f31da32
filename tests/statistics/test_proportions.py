"""Rows of shares."""

import math

import pytest

from tutti.statistics.proportions import share
from tutti.statistics.wilson import wilson


def test_shares():
    found = share("validity", "lookup", 3, 5, "samples", "remark")
    assert (found["value"], found["ci_low"], found["ci_high"]) == (0.6, *wilson(3, 5))
    assert (found["n"], found["unit"], found["note"]) == (5, "1", "of samples; remark")
    nothing = share("validity", "lookup", 0, 0, "samples", "remark")
    assert math.isnan(nothing["value"]) and nothing["note"] == "undefined: no samples; remark"
    with pytest.raises(ValueError, match="must"):
        share("validity", "lookup", 6, 5, "samples")
