"""Draws from categorical distributions."""

import numpy as np
import torch
from scipy.stats import chisquare

from tutti.nn.categorical import draw


def test_draws_follow_the_probabilities():
    weights = torch.tensor([[1.0, 2.0, 0.0, 5.0]], dtype=torch.float64).repeat(20_000, 1)
    category, known = draw(weights, torch.Generator().manual_seed(0))
    counts = np.bincount(category, minlength=4)
    assert known.all() and counts[2] == 0
    assert chisquare(counts[[0, 1, 3]], 20_000 * np.array([1, 2, 5]) / 8).pvalue > 1e-3


def test_rows_that_are_no_distributions_do_not_harm_the_others():
    good = torch.rand(6, 5, generator=torch.Generator().manual_seed(1))
    bad = good.clone()
    bad[1, 2], bad[3, 0], bad[4] = torch.nan, torch.inf, 0.0
    expected, _ = draw(good, torch.Generator().manual_seed(2))
    found, known = draw(bad, torch.Generator().manual_seed(2))
    assert known.tolist() == [True, False, True, False, False, True]
    assert torch.equal(found[known], expected[known])
