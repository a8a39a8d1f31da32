"""The drugs of benchmarks/drug_like.py are the molecules that they are called, and Tutti sees them so."""

import numpy as np
import pytest
from drug_like import DRUGS, geometries
from rdkit import Chem
from rdkit.Chem.rdMolDescriptors import CalcMolFormula

from tutti.chemistry.bonds.pool import assign_all
from tutti.core.elements import SYMBOLS

FORMULAS = {
    "aspirin": "C9H8O4",
    "caffeine": "C8H10N4O2",
    "sulfamethoxazole": "C10H11N3O3S",
    "cyclophosphamide": "C7H15Cl2N2O2P",
    "bromazepam": "C14H10BrN3O",
    "diazepam": "C16H13ClN2O",
    "fluconazole": "C13H12F2N6O",
    "celecoxib": "C17H14F3N3O2S",
    "benzylpenicillin": "C16H18N2O4S",
    "omeprazole": "C17H19N3O3S",
    "haloperidol": "C21H23ClFNO2",
    "hydrocortisone": "C21H30O5",
    "sildenafil": "C22H30N6O4S",
    "sofosbuvir": "C22H29FN3O9P",
    "imatinib": "C29H31N7O",
    "atorvastatin": "C33H35FN2O5",
    "bromocriptine": "C32H40BrN5O5",
    "lopinavir": "C37H48N4O5",
    "ritonavir": "C37H48N6O5S2",
    "paclitaxel": "C47H51NO14",
    "metildigoxin": "C42H66O14",
}
"""As their monographs have them."""


def test_formulas():
    assert {name: CalcMolFormula(Chem.MolFromSmiles(smiles)) for name, smiles in DRUGS.items()} == FORMULAS


@pytest.mark.long
def test_xyz2mol_finds_every_drug_in_its_geometry():
    structures = geometries()
    assert structures.n_atoms.tolist() == sorted(structures.n_atoms.tolist())
    assert (structures.n_atoms[0], structures.n_atoms[-1]) == (21, 122)
    elements = {SYMBOLS[number] for number in np.unique(structures.numbers)}
    assert elements == {"H", "C", "N", "O", "F", "P", "S", "Cl", "Br"}
    found = assign_all(structures, "xyz2mol", jobs=1, progress=False)
    expected = {name: Chem.CanonSmiles(smiles, useChiral=0) for name, smiles in DRUGS.items()}
    # Sulfoxides have separate charges there, which is another way to write the same molecule.
    expected["omeprazole"] = expected["omeprazole"].replace("S(=O)C", "[S+]([O-])C")
    assert dict(zip(found["id"], found["smiles"], strict=True)) == expected
