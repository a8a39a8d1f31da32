"""Pairwise agreement of assigners against counts done by hand."""

import numpy as np
import pytest

from bonds_verdicts import verdicts
from table_names import NAMES
from tutti.benchmark.samples import assigner_agreement
from tutti.benchmark.samples.judged import Judged
from tutti.core.structures import Structures


def frame(*smiles):
    return verdicts([(s, *[None if s is None else True] * 3, 5, None) for s in smiles])


def table(**assigners):
    return assigner_agreement.table(Judged(Structures.from_frames([]), assigners), None, **NAMES)


def test_hand_counted_pairs():
    rows = table(
        a=frame("C", "CO", None, "CC", None, "N"),
        b=frame("C", "OC", "O", None, None, "N"),
        c=frame(*[None] * 6),
    )
    values = rows.pivot(index="subset", columns="metric", values="value")
    n = rows.pivot(index="subset", columns="metric", values="n")
    kinds = ["both_valid", "only_first_valid", "only_second_valid", "neither_valid"]
    assert values.loc["a/b", kinds].tolist() == [3 / 6, 1 / 6, 1 / 6, 1 / 6]
    assert values.loc["a/c", kinds].tolist() == [0, 4 / 6, 0, 2 / 6]
    assert (values.loc["a/b", "same_smiles"], n.loc["a/b", "same_smiles"]) == (2 / 3, 3)
    assert np.isnan(values.loc["b/c", "same_smiles"])
    np.testing.assert_allclose(values[kinds].sum(axis=1), 1)


def test_different_samples_are_refused():
    with pytest.raises(ValueError, match="different samples"):
        table(a=frame("C"), b=frame("C", "C"))


def test_one_assigner_is_refused():
    with pytest.raises(ValueError, match="two assigners"):
        table(a=frame("C"))
