"""Is a spread of the size of the error? Rank correlation, calibration curve and its area, and a factor.

Kuleshov, Fenner, Ermon, ICML 2018 (arXiv:1807.00263); Tran et al., Mach. Learn. Sci. Tech. 1, 025006 (2020),
whose miscalibration area lies between the calibration curve and the diagonal.
"""

import numpy as np
from scipy import stats
from scipy.integrate import trapezoid

LEVELS = np.linspace(0, 1, 101)
"""Shares of errors that should lie within a central interval of the normal distribution."""
ONE_SIGMA = float(stats.norm.cdf(1) - stats.norm.cdf(-1))


def rank_correlation(spread: np.ndarray, error: np.ndarray) -> float:
    """Spearman's correlation of spreads [M] and absolute errors [M]; NaN when either is constant."""
    ranks = [stats.rankdata(values) for values in (spread, np.abs(error))]
    if min(np.ptp(each) if len(each) else 0 for each in ranks) == 0:
        return np.nan
    return float(np.corrcoef(*ranks)[0, 1])


def observed(spread: np.ndarray, error: np.ndarray) -> np.ndarray:
    """[LEVELS] share of errors [M] within the central interval that should hold each level of them.

    The interval is that of a normal distribution around 0 with the spread [M] as its standard deviation.
    """
    scores = np.sort(_scores(spread, error))
    limits = stats.norm.ppf((1 + LEVELS) / 2)
    return np.searchsorted(scores, limits, side="right") / max(len(scores), 1)


def miscalibration(spread: np.ndarray, error: np.ndarray) -> float:
    """Area between the calibration curve and the diagonal: 0 is calibrated, 0.5 the most there can be."""
    return float(trapezoid(np.abs(observed(spread, error) - LEVELS), LEVELS))


def factor(spread: np.ndarray, error: np.ndarray) -> float:
    """By which spreads have to be multiplied for 68 % of the errors to lie within one; NaN: by nothing."""
    scores = _scores(spread, error)
    found = np.quantile(scores, ONE_SIGMA, method="inverted_cdf") if len(scores) else np.nan
    return float(found) if np.isfinite(found) else np.nan


def _scores(spread: np.ndarray, error: np.ndarray) -> np.ndarray:
    """Errors in spreads; no error is within a spread of 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num(np.abs(error) / spread, nan=0.0, posinf=np.inf)
