from itertools import combinations, combinations_with_replacement, product

import numpy as np
import pytest
from rdkit import Chem
from scipy.sparse.csgraph import connected_components

from tutti.chemistry.bonds import xyz2mol
from tutti.data import enumerate as enumeration
from tutti.data.enumerate import molecules

BOND_TYPES = {1: Chem.BondType.SINGLE, 2: Chem.BondType.DOUBLE, 3: Chem.BondType.TRIPLE}
KEPT = """
    c1ccccc1 c1ccncc1 Cc1ccc[nH]1 c1cn[nH]c1 C1COCO1 CC(C)=NO FC(F)(F)C Fc1ccoc1 C1=CCCC1 NC(=O)CO N#CCC#N
    C1CC12CC2 COC(C)=N
"""
LEFT_OUT = """
    OO NN N=N N#N C=C=C O=C=O OCO NCO C=CO OC=N C#CO CF CN CC=N C=CC OC=O C1=CC1 C=C1CC1 C1=CCC1 C1C2CC12
    C1CC#CCC1 COCOC CC=NO COO
"""


@pytest.fixture(scope="module")
def up_to_six() -> list[str]:
    return molecules(6)


def test_smallest_by_hand() -> None:
    assert molecules(1) == ["C", "F", "N", "O"]
    assert set(molecules(2)[4:]) == {"CC", "CO", "C#C", "C=O", "C#N"}
    three = {"CCC", "CCO", "COC", "CC=O", "NC=O", "C#CC", "CC#N", "N#CN", "C1CC1", "C1CO1"}
    assert set(molecules(3)[9:]) == three


def brute_force(size: int) -> set[str]:
    """All graphs with all bond orders and elements, then all filters at once: no growth, no pruning."""
    pairs = list(combinations(range(size), 2))
    orders = np.array(list(product(range(4), repeat=len(pairs))))
    matrices = np.zeros((len(orders), size, size), dtype=int)
    for k, (i, j) in enumerate(pairs):
        matrices[:, i, j] = matrices[:, j, i] = orders[:, k]
    matrices = matrices[matrices.sum(2).max(1) <= 4]
    matrices = np.array([m for m in matrices if connected_components(m)[0] == 1])
    found = set()
    for elements in combinations_with_replacement("CNOF", size):
        valences = [{"C": 4, "N": 3, "O": 2, "F": 1}[element] for element in elements]
        for matrix in matrices[(matrices.sum(2) <= valences).all(1)]:
            mol = Chem.RWMol()
            for element in elements:
                mol.AddAtom(Chem.Atom(element))
            for i, j in pairs:
                if matrix[i, j]:
                    mol.AddBond(i, j, BOND_TYPES[matrix[i, j]])
            Chem.SanitizeMol(mol)
            filters = enumeration.STRAIN + enumeration.FORBIDDEN_BONDS + enumeration.REACTIVE
            if not any(mol.HasSubstructMatch(f) for f in filters) and not enumeration._anti_bredt(mol):
                found.add(Chem.MolToSmiles(mol))
    return found


@pytest.mark.parametrize("size", [2, 3, 4])
def test_growth_reaches_what_brute_force_finds(size: int) -> None:
    grown = [s for s in molecules(size) if Chem.MolFromSmiles(s).GetNumAtoms() == size]
    assert set(grown) == brute_force(size)


def test_molecules_are_distinct_canonical_and_closed_shell(up_to_six: list[str]) -> None:
    assert len(set(up_to_six)) == len(up_to_six)
    sizes = []
    for smiles in up_to_six:
        mol = Chem.MolFromSmiles(smiles)
        assert Chem.MolToSmiles(mol) == smiles
        assert "." not in smiles
        assert {atom.GetSymbol() for atom in mol.GetAtoms()} <= set("CNOF")
        assert all(a.GetFormalCharge() == a.GetNumRadicalElectrons() == 0 for a in mol.GetAtoms())
        sizes.append(mol.GetNumAtoms())
    assert list(zip(sizes, up_to_six, strict=True)) == sorted(zip(sizes, up_to_six, strict=True))


def test_size_is_near_qm9s(up_to_six: list[str]) -> None:
    # QM9 has 3, 5, 9 and 31 molecules of one to four heavy atoms, and about a thousand of up to six.
    sizes = np.bincount([Chem.MolFromSmiles(s).GetNumAtoms() for s in up_to_six])
    assert np.all(np.abs(sizes[1:5] - [3, 5, 9, 31]) <= 2)
    assert 800 <= len(up_to_six) <= 1200


@pytest.mark.parametrize("smiles", KEPT.split())
def test_kept(smiles: str, up_to_six: list[str]) -> None:
    assert up_to_six.count(Chem.CanonSmiles(smiles)) == 1


@pytest.mark.parametrize("smiles", LEFT_OUT.split())
def test_left_out(smiles: str, up_to_six: list[str]) -> None:
    assert Chem.CanonSmiles(smiles) not in up_to_six


def test_no_double_bond_at_bridgehead() -> None:
    assert enumeration._anti_bredt(Chem.MolFromSmiles("C1CC2=CCC1C2"))
    assert not enumeration._anti_bredt(Chem.MolFromSmiles("C1CC2C=CC1C2"))


def test_elements_are_those_asked_for() -> None:
    only = molecules(4, ("O", "C"))
    assert only == [s for s in molecules(4) if not set("NnF") & set(s)]


@pytest.mark.parametrize(("heavy_atoms", "elements"), [(3, ("C", "S")), (0, ("C",))])
def test_impossible_requests(heavy_atoms: int, elements: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"elements|heavy_atoms"):
        molecules(heavy_atoms, elements)


def test_contains_qm9(shared_data, up_to_six: list[str]) -> None:
    lines = (shared_data / "qm9_first339.xyz").read_text().splitlines()
    found = set()
    while lines:
        n = int(lines[0])
        atoms = [line.split() for line in lines[2 : n + 2]]
        numbers = [Chem.GetPeriodicTable().GetAtomicNumber(atom[0]) for atom in atoms]
        positions = np.array([atom[1:4] for atom in atoms], dtype=float)
        verdict = xyz2mol.assign(np.array(numbers, dtype=np.uint8), positions)
        if verdict.valid:
            found.add(Chem.CanonSmiles(verdict.smiles))
        lines = lines[n + 2 :]
    assert len(found) > 100
    assert found <= set(up_to_six)
