"""Uniqueness and novelty in 3D against brute force over permutations, and what must not be the same."""

import time
import warnings
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem
from rdkit.Chem import rdDistGeom
from scipy.spatial.transform import Rotation

from table_names import NAMES
from tutti.benchmark.metrics import shapes
from tutti.benchmark.metrics.bonded import Bonded
from tutti.benchmark.metrics.shapes import SAME, Shapes, compare, distance, shape_table
from tutti.core.structures import Structures

Molecule = tuple[Chem.Mol, np.ndarray]


def conformers(smiles: str, n: int, seed: int = 7) -> list[Molecule]:
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    rdDistGeom.EmbedMultipleConfs(mol, n, randomSeed=seed)
    return [(mol, conformer.GetPositions()) for conformer in mol.GetConformers()]


def shaped(molecules: list[Molecule]) -> Shapes:
    """The molecules with their atoms in random order, turned and moved."""
    rng = np.random.default_rng(0)
    frames, verdicts = [], []
    for mol, positions in molecules:
        numbers = np.array([atom.GetAtomicNum() for atom in mol.GetAtoms()], np.uint8)
        order = rng.permutation(len(numbers))
        place = np.argsort(order)
        turned = Rotation.random(rng=rng).apply(positions) + rng.normal(size=3)
        frames.append((numbers[order], turned[order]))
        bonds = [(place[b.GetBeginAtomIdx()], place[b.GetEndAtomIdx()]) for b in mol.GetBonds()]
        bonds = sorted(tuple(sorted(map(int, bond))) for bond in bonds)
        first, second = ([bond[end] for bond in bonds] for end in (0, 1))
        verdicts.append((True, first, second, [1.0] * len(bonds)))
    columns = ["valid", "bond_first", "bond_second", "bond_order"]
    bonded = Bonded.of(Structures.from_frames(frames), pd.DataFrame(verdicts, columns=columns))
    return Shapes(
        bonded, [Chem.MolToSmiles(Chem.RemoveHs(mol), isomericSmiles=False) for mol, _ in molecules]
    )


def by_brute_force(first: Chem.Mol, second: Chem.Mol) -> float:
    """Least distance over all permutations that keep elements, hydrogens and bonds."""

    def kinds(mol: Chem.Mol) -> list[tuple[int, int]]:
        return [(atom.GetAtomicNum(), atom.GetIsotope()) for atom in mol.GetAtoms()]

    bonds = [Chem.GetAdjacencyMatrix(mol) for mol in (first, second)]
    points = [mol.GetConformer().GetPositions() for mol in (first, second)]
    points = [each - each.mean(axis=0) for each in points]
    best = np.inf
    for order in map(list, permutations(range(first.GetNumAtoms()))):
        if [kinds(second)[k] for k in order] != kinds(first):
            continue
        if (bonds[1][np.ix_(order, order)] != bonds[0]).any():
            continue
        for mirror in (1, -1):
            with warnings.catch_warnings(action="ignore"):  # points in a plane
                found = Rotation.align_vectors(points[0], points[1][order] * [1, 1, mirror])[1]
            best = min(best, found / np.sqrt(len(order)))
    return best


@pytest.mark.parametrize("smiles", ["CC(C)(C)C", "C=CCC", "OC(=O)CO", "C[N+](=O)[O-]", "C1CC1CF", "OCC(F)Cl"])
def test_distance_is_the_least_over_permutations_and_reflection(smiles: str) -> None:
    made = shaped(conformers(smiles, 4))
    mols = [made.skeleton(place) for place in range(4)]
    for other in mols[1:]:
        assert distance(mols[0], other) == pytest.approx(by_brute_force(mols[0], other), abs=1e-6)


def test_atoms_with_other_hydrogens_are_not_equivalent() -> None:
    """The ends of propene, which a skeleton without hydrogens would swap."""
    (mol, positions), *_ = conformers("C=CC", 1)
    ends = sorted(shaped([(mol, positions)]).skeleton(0).GetAtoms(), key=lambda atom: atom.GetIsotope())
    assert [atom.GetIsotope() - 1 for atom in ends] == [1, 2, 3]
    assert ends[0].GetDegree() == 2


def test_copies_and_noise_and_mirror_images_are_the_same_conformers_are_not() -> None:
    rng = np.random.default_rng(1)
    first, other = conformers("C[C@H](O)CCCC", 2, seed=3)
    assert distance(*(shaped([first, other]).skeleton(k) for k in (0, 1))) > SAME
    noisy = first[0], first[1] + rng.normal(scale=0.1, size=first[1].shape)
    mirrored = first[0], first[1] * [-1, 1, 1]
    found = compare(shaped([first, noisy, other, mirrored, first, *conformers("CCO", 1)]), None)
    assert found.unique.tolist() == [True, False, True, False, False, True]
    training = shaped([mirrored, *conformers("CCN", 1)])
    found = compare(shaped([first, noisy, other, *conformers("CCO", 1)]), training)
    assert found.novel.tolist() == [False, False, True, True]
    assert (found.lost == "").all()


def test_stereoisomers_of_one_smiles_differ() -> None:
    e, z = (conformers(f"C/C=C{slash}CC", 1)[0] for slash in "/\\")
    assert compare(shaped([e, z]), None).unique.all()


@pytest.mark.parametrize("smiles", ["[H][H]", "O", "C"])
def test_a_heavy_atom_alone_has_one_shape(smiles: str) -> None:
    made = shaped(conformers(smiles, 2) * 2)
    assert compare(made, None).unique.tolist() == [True, *[False] * (len(made.graphs) - 1)]


def test_table() -> None:
    first, other = conformers("CC(O)CCCC", 2, seed=3)
    samples = shaped([first, first, other, *conformers("CCO", 2)])
    table = shape_table(samples, shaped([first]), **NAMES).set_index("metric")
    assert table.loc["uniqueness_in_3d", ["value", "n"]].tolist() == [3 / 5, 5]
    assert table.loc["novelty_in_3d", ["value", "n"]].tolist() == [2 / 3, 3]
    assert (table["ci_low"] < table["value"]).all() and (table["value"] < table["ci_high"]).all()
    assert shape_table(samples, None, **NAMES)["metric"].tolist() == ["uniqueness_in_3d"]
    nothing = shape_table(shaped([]), samples, **NAMES)
    assert nothing["value"].isna().all() and nothing["note"].str.startswith("undefined: no ").all()


def test_of_symmetric_molecules_not_all_mappings_are_tried() -> None:
    """6^4 · 24 = 31,104 ways."""
    found = compare(shaped(conformers("C(C(C)(C)C)(C(C)(C)C)(C(C)(C)C)C(C)(C)C", 2)), None)
    assert found.unique[0] and (found.lost == "").all()


def test_a_graph_that_takes_too_long_counts_as_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*_: Chem.Mol) -> float:
        time.sleep(30)
        return 0.0

    monkeypatch.setattr(shapes, "TIME_LIMIT", 0.3)
    monkeypatch.setattr(shapes, "distance", slow)
    samples = shaped([*conformers("CCO", 2), *conformers("CCN", 1)])
    table = shape_table(samples, None, **NAMES)
    assert table["value"].tolist() == [1 / 3]
    assert table["note"].str.contains("not compared, counted as repeated: 2 timeout").all()


def test_what_rdkit_raises_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> float:
        raise RuntimeError("no match")

    monkeypatch.setattr(shapes.rdMolAlign, "GetBestRMS", fail)
    table = shape_table(shaped(conformers("CCO", 2)), None, **NAMES)
    assert table["value"].tolist() == [0]
    assert table["note"].str.contains("2 library_error").all()
