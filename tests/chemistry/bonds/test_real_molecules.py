"""All assigners on real molecules: QM7, and the small ones of QM9 against the SMILES they were made from."""

import numpy as np
import pytest
from rdkit import Chem

from tutti import io
from tutti.chemistry.bonds.pool import assign_all
from tutti.core.structures import Structures
from tutti.data.shipped import EMBEDDED


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


@pytest.mark.parametrize(
    ("assigner", "found", "others"), [("xyz2mol", 783, 0), ("openbabel", 770, 0), ("lookup", 747, 11)]
)
def test_the_embedded_set_gives_back_its_smiles(assigner, found, others):
    """Of 783; what is valid is the right molecule, but for rings in which lookup sees single bonds."""
    molecules = Structures.load(EMBEDDED / "qm9_6.npz")
    verdicts = assign_all(molecules, assigner, jobs=2, progress=False)
    expected = np.array([Chem.CanonSmiles(smiles) for smiles in molecules.columns["smiles"].tolist()], object)
    same = verdicts["smiles"].to_numpy(object) == expected
    assert abs(same.sum() - found) <= 2
    assert abs(verdicts["valid"].sum() - same.sum() - others) <= 2
