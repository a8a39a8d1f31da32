"""Ring systems against RDKit's rings and canonical SMILES, bond by bond and molecule by molecule."""

from collections import defaultdict
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from bonded_molecules import EMPTY, packed, qm7
from rdkit import Chem

from table_names import NAMES
from tutti.benchmark.metrics.bonded import Bonded
from tutti.benchmark.metrics.ring_systems import RingSystems, floor_shares, ring_bonds, with_new
from tutti.benchmark.samples import ring_systems
from tutti.benchmark.samples.judged import Judged
from tutti.chemistry.bonds.graph import bonds_of
from tutti.core.structures import Structures

CUBANE, CUNEANE = "C12C3C4C1C5C2C3C45", "C12C3C1C4C5C2C5C34"
SYSTEMS = {
    "CCO": [],
    "C1CC1C2CC2": ["C1CC1", "C1CC1"],
    "C1CCCCC1CCC1CCCC1": ["C1CCCC1", "C1CCCCC1"],
    "C1CC2CCC1C2": ["C1CC2CCC1C2"],
    "C1CCC2(CC1)CCCC2": ["C1CCC2(CC1)CCCC2"],
    "c1ccc2ccccc2c1": ["c1ccc2ccccc2c1"],
    "Cn1cccc1": ["c1ccnc1"],
    "c1cc[nH]c1": ["c1ccnc1"],
    "C[n+]1ccccc1": ["c1ccncc1"],
    "O=C1CCCCC1": ["C1CCCCC1"],
    "C1CC=CCC1": ["C1=CCCCC1"],
    CUBANE: [],
    CUNEANE: [],
    "C1CCCCCCCCCCNCCCCCNC1": [],
    "C1CCCCCCCCCNCCCCCCNC1": [],
    "C1CC1.c1ccccc1": ["C1CC1", "c1ccccc1"],
}
"""By SMILES those of the ring systems; empty where there are none, or only RDKit is asked."""


def of_smiles(texts):
    molecules = []
    for text in texts:
        mol = Chem.AddHs(Chem.MolFromSmiles(text))
        bonds = bonds_of(mol)
        numbers = np.array([atom.GetAtomicNum() for atom in mol.GetAtoms()])
        triples = list(zip(bonds.first.tolist(), bonds.second.tolist(), bonds.order.tolist(), strict=True))
        molecules.append((numbers, np.zeros((len(numbers), 3)), triples))
    return packed(molecules)


def by_rdkit(text):
    """Canonical SMILES of each ring system, from RDKit's rings."""
    mol = Chem.MolFromSmiles(text)
    groups = []
    for ring in map(set, mol.GetRingInfo().AtomRings()):
        joined = [group for group in groups if group & ring]
        groups = [group for group in groups if not group & ring] + [ring.union(*joined)]
    found = []
    for group in groups:
        part, place = Chem.RWMol(), {}
        for atom in sorted(group):
            place[atom] = part.AddAtom(Chem.Atom(mol.GetAtomWithIdx(atom).GetAtomicNum()))
        for bond in mol.GetBonds():
            ends = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
            if group.issuperset(ends):
                part.AddBond(place[ends[0]], place[ends[1]], bond.GetBondType())
                if bond.GetIsAromatic():
                    for end in ends:
                        part.GetAtomWithIdx(place[end]).SetIsAromatic(True)
        found.append(Chem.MolToSmiles(part))
    return sorted(found)


def smiles_by_molecule(systems, bonded):
    found = defaultdict(list)
    for index, molecule in enumerate(systems.molecule.tolist()):
        found[molecule].append(systems.smiles(index, bonded))
    return [sorted(found[i]) for i in range(len(bonded))]


def assert_one_to_one(systems, bonded):
    """Kinds are the same where SMILES are, and only there."""
    pairs = {(kind, systems.smiles(i, bonded)) for i, kind in enumerate(systems.kind.tolist())}
    assert len(pairs) == len({kind for kind, _ in pairs}) == len({smiles for _, smiles in pairs})


def test_hand_made_molecules():
    bonded = of_smiles(SYSTEMS)
    systems = RingSystems.of(bonded)
    found = smiles_by_molecule(systems, bonded)
    assert found == [by_rdkit(text) for text in SYSTEMS]
    assert {text: each for text, each in zip(SYSTEMS, found, strict=True) if SYSTEMS[text]} == {
        text: each for text, each in SYSTEMS.items() if each
    }
    assert_one_to_one(systems, bonded)


def test_real_molecules(shared_data):
    structures, verdicts = qm7(shared_data)
    bonded = Bonded.of(structures, verdicts)
    systems = RingSystems.of(bonded)
    texts = verdicts.loc[verdicts["valid"], "smiles"]
    assert smiles_by_molecule(systems, bonded) == [by_rdkit(text) for text in texts]
    assert_one_to_one(systems, bonded)
    assert len(np.unique(systems.kind)) > 30


def test_random_graphs():
    """Bonds in rings are those without which the number of pieces is the same, tried one by one."""
    rng = np.random.default_rng(0)
    molecules = []
    for n in rng.integers(2, 14, 60).tolist():
        pairs = [(i, j, 1.0) for i in range(n) for j in range(i + 1, n) if rng.random() < 1.6 / n]
        molecules.append((np.full(n, 6), np.zeros((n, 3)), pairs))
    bonded = packed(molecules)
    chosen, expected = ring_bonds(bonded).tolist(), []
    bonds = list(zip(bonded.first.tolist(), bonded.second.tolist(), strict=True))
    for i, (a, b) in enumerate(bonds):
        reached, frontier = {a}, [a]
        while frontier:
            at = frontier.pop()
            for j, ends in enumerate(bonds):
                if j != i and at in ends and not reached.issuperset(ends):
                    reached.update(ends)
                    frontier.extend(ends)
        expected += [i] if b in reached else []
    assert chosen == expected
    assert 20 < len(expected) < len(bonds) - 20


def test_the_order_of_atoms_does_not_matter():
    rng = np.random.default_rng(1)
    text = "C1CC2CC3(CCOC3)CN2C1c1cc2ncccc2s1"
    mol = Chem.MolFromSmiles(text)
    orders = [rng.permutation(mol.GetNumAtoms()).tolist() for _ in range(5)]
    turned = [Chem.MolToSmiles(Chem.RenumberAtoms(mol, order), canonical=False) for order in orders]
    kinds = RingSystems.of(of_smiles(turned)).kind.reshape(5, 2)
    assert {tuple(sorted(pair)) for pair in kinds.tolist()} == {tuple(sorted(kinds[0].tolist()))}


@pytest.mark.parametrize("molecules", EMPTY.values(), ids=EMPTY)
def test_nothing(molecules):
    bonded = packed(molecules)
    systems = RingSystems.of(bonded)
    assert len(systems.kind) == 0 and systems.n_molecules == len(bonded)
    new, which = with_new(systems, systems)
    assert len(new) == len(which) == 0


def judged(texts):
    bonded = of_smiles(texts)
    ends = np.cumsum(np.bincount(bonded.molecule[bonded.first], minlength=len(bonded)))
    starts = np.concatenate([[0], np.cumsum(bonded.n_atoms)])
    frames = [(bonded.numbers[a:b], np.zeros((b - a, 3))) for a, b in pairwise(starts)]
    columns = {"valid": [True] * len(bonded)}
    for name, values in {"bond_first": bonded.first, "bond_second": bonded.second}.items():
        parts = np.split(values, ends[:-1])
        columns[name] = [(part - start).tolist() for part, start in zip(parts, starts, strict=False)]
    columns["bond_order"] = [part.tolist() for part in np.split(bonded.order, ends[:-1])]
    return Judged(Structures.from_frames(frames), {"xyz2mol": pd.DataFrame(columns)})


def test_table():
    samples = judged(["CCO", "C1CC1", CUNEANE, "C1CCC1C1CC1", "C1CCC1", "C1CCC1C"])
    table = ring_systems.table(samples, judged(["C1CC1CCO", CUBANE, "CCCC"]), **NAMES).set_index("metric")
    row = table.loc["new_ring_systems"]
    assert row["value"] == 4 / 6 and row["n"] == 6 and row["unit"] == "1"
    assert row["ci_low"] < 4 / 6 < row["ci_high"]
    assert "most frequent: C1CCC1 (3), " in row["note"] and "(1)" in row["note"]
    copies = ring_systems.table(samples, samples, **NAMES).set_index("metric")
    assert copies.loc["new_ring_systems", "value"] == 0


def test_floor():
    """Ring systems of one molecule only are lacking in the rest whenever it is drawn, the others never."""
    common, alone = ["C1CC1"] * 12, [f"C1CC{'C' * n}1" for n in range(1, 5)]
    systems = RingSystems.of(of_smiles(common + alone))
    shares = floor_shares(systems, 4, 400, "test", 0)
    assert shares.mean() == pytest.approx(4 / 16, abs=0.03)
    assert set((4 * shares).tolist()) <= {0, 1, 2, 3, 4}
    assert len(floor_shares(RingSystems.of(of_smiles(["C1CC1"])), 4, 20, "test", 0)) == 0
