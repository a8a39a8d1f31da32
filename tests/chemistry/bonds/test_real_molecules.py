"""All assigners on real molecules: QM7, and the embedded set against the SMILES it was made from."""

import numpy as np
import pytest

from tutti import io
from tutti.chemistry.bonds.pool import assign_all
from tutti.core.structures import Structures
from tutti.data import xtb9


@pytest.fixture(scope="module")
def hcno(shared_data):
    """The 6,803 of QM7's 7,101 molecules that have H, C, N and O only."""
    molecules = io.read(shared_data / "qm7.extxyz.gz")
    has_others = np.add.reduceat(~np.isin(molecules.numbers, [1, 6, 7, 8]), molecules.offsets[:-1]) > 0
    return molecules[~has_others]


@pytest.mark.parametrize(
    ("assigner", "valid"), [("xyz2mol", 6803), ("xyz2mol_rdkit", 6777), ("openbabel", 6535), ("lookup", 6685)]
)
def test_qm7(hcno, assigner, valid):
    assert len(hcno) == 6803
    verdicts = assign_all(hcno, assigner, jobs=2, progress=False)
    # Another version of a library may decide a handful otherwise.
    assert abs(verdicts["valid"].sum() - valid) <= 7
    assert set(verdicts["reason"]) <= {"", "valence"}
    assert verdicts.loc[verdicts["valid"], ["connected", "neutral_atoms"]].all(axis=None)


@pytest.mark.parametrize(("assigner", "found"), [("xyz2mol", 871), ("openbabel", 851), ("lookup", 822)])
def test_the_embedded_set_gives_back_its_smiles(assigner, found):
    molecules = Structures.load(xtb9.EMBEDDED / "xtb9_6.npz")
    verdicts = assign_all(molecules, assigner, jobs=2, progress=False)
    same = verdicts["smiles"].to_numpy(object) == molecules.columns["smiles"].astype(object)
    assert abs(same.sum() - found) <= 2
    # What is valid is the right molecule: the assigners fail, they do not invent.
    assert same.sum() >= verdicts["valid"].sum() - 2
