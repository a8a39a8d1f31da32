"""Strain against other optimisers and other superpositions, and what bad samples and threads may not do."""

import subprocess
import sys
import textwrap
import warnings
from dataclasses import replace
from importlib import resources

import ase
import ase.build
import numpy as np
import pandas as pd
import pytest
from ase.optimize import BFGS
from rdkit import Chem
from rdkit.Chem import rdMolTransforms
from scipy.spatial.transform import Rotation

pytest.importorskip("tblite", reason="strain needs the extra 'xtb'")

from tblite.ase import TBLite

from tutti import io
from tutti.benchmark.metrics import strain
from tutti.chemistry.bonds import xyz2mol
from tutti.chemistry.bonds.pool import assign_all
from tutti.core.structures import Structures

VALUES = list(strain.COLUMNS)
NO_BONDS = np.empty((0, 2), np.int64)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    """For the reference calculations, which run in this process."""
    strain.use_one_thread()


@pytest.fixture(scope="module")
def relaxed() -> Structures:
    """The embedded molecules of QM9, in their B3LYP minima."""
    with resources.as_file(resources.files("tutti.data") / "embedded" / "qm9_6.npz") as path:
        return Structures.load(path)


def known(name: str) -> tuple[np.ndarray, np.ndarray]:
    atoms = ase.build.molecule(name)
    return atoms.numbers.astype(np.uint8), atoms.positions


def jittered(structures: Structures, width: float) -> Structures:
    noise = np.random.default_rng(2).normal(scale=width, size=structures.positions.shape)
    return replace(structures, positions=structures.positions + noise)


def relax(structures: Structures, jobs: int = 1, **options) -> pd.DataFrame:
    verdicts = assign_all(structures, "xyz2mol", 1, progress=False)
    return strain.check_all(structures, verdicts, jobs, progress=False, **options)


def test_same_minimum_as_ase(shared_data):
    qm7 = io.read(shared_data / "qm7.extxyz.gz")[[40, 700, 1500]]
    frame = relax(jittered(qm7, 0.03))
    assert (frame["reason"] == "").all()
    for i, row in enumerate(frame.itertuples()):
        numbers, positions = jittered(qm7, 0.03).frame(i)
        atoms = ase.Atoms(numbers, positions)
        atoms.calc = TBLite(method="GFN2-xTB", accuracy=0.1, verbosity=0)
        before, force = atoms.get_potential_energy(), np.linalg.norm(atoms.get_forces(), axis=1).max()
        assert BFGS(atoms, logfile=None).run(fmax=0.005, steps=500)
        drop = 1000 * (before - atoms.get_potential_energy()) / len(atoms)
        assert row.energy_drop_per_atom == pytest.approx(drop, abs=1)
        assert row.initial_force == pytest.approx(force, abs=1e-3)
        heavy = numbers > 1
        rmsd = strain.superposed_rmsd(positions[heavy], atoms.positions[heavy])
        assert row.heavy_atom_rmsd == pytest.approx(rmsd, abs=0.03)
        assert row.graph_survives


def in_its_minimum(structures: Structures, i: int) -> tuple[np.ndarray, np.ndarray]:
    numbers, positions = structures.frame(i)
    atoms = ase.Atoms(numbers, positions)
    atoms.calc = TBLite(method="GFN2-xTB", accuracy=0.01, verbosity=0)
    assert BFGS(atoms, logfile=None).run(fmax=0.005, steps=500)
    return numbers, atoms.positions


def test_relaxed_molecules_have_no_strain(relaxed):
    frame = relax(Structures.from_frames([in_its_minimum(relaxed, i) for i in range(0, 783, 60)]), jobs=2)
    assert len(frame) > 10
    assert frame["energy_drop_per_atom"].between(-1e-3, 0.1).all()
    assert (frame["heavy_atom_rmsd"] < 0.01).all()
    assert frame["graph_survives"].all()
    assert (frame["initial_force"] < 0.0101).all()


def test_open_shell_and_two_molecules():
    methyl = known("CH3")
    reason, drop, rmsd, _, force, *_ = strain.relax(*methyl, "", NO_BONDS)
    atoms = ase.Atoms(*methyl)
    atoms.calc = TBLite(method="GFN2-xTB", multiplicity=2, verbosity=0)
    assert reason == ""
    assert force == pytest.approx(np.linalg.norm(atoms.get_forces(), axis=1).max(), abs=1e-3)
    before = atoms.get_potential_energy()
    BFGS(atoms, logfile=None).run(fmax=0.005)
    assert 4 * drop == pytest.approx(1000 * (before - atoms.get_potential_energy()), abs=1)
    assert rmsd == 0


def test_graph_that_does_not_survive():
    """One hydrogen of methane far from its carbon: CH3- and H+ to xyz2mol, GFN2-xTB closes the bond."""
    numbers, positions = known("CH4")
    positions[1] *= 1.4 / np.linalg.norm(positions[1])
    frame = relax(Structures.from_frames([(numbers, positions), known("CH4")]))
    assert frame["graph_survives"].tolist() == [False, True]
    assert frame["energy_drop_per_atom"][0] > 100 > frame["energy_drop_per_atom"][1]


def test_hopeless_samples_do_not_disturb_their_neighbours():
    good = known("CH3CH2OH")
    uranium = np.array([92, 9], np.uint8), np.array([[0, 0, 0], [0, 0, 2.0]])
    one_spot = np.array([6, 6], np.uint8), np.zeros((2, 3))
    nan = np.array([6, 1], np.uint8), np.full((2, 3), np.nan)
    large = ase.Atoms(np.tile(good[0], 22), np.concatenate([good[1] + [6.0 * k, 0, 0] for k in range(22)]))
    chain = (
        np.ones(strain.MOST_ATOMS + 1, np.uint8),
        np.arange(strain.MOST_ATOMS + 1)[:, None] * [[0.9, 0, 0]],
    )
    samples = [good, uranium, nan, good, one_spot, (large.numbers, large.positions), good, chain]
    structures = Structures.from_frames(samples)
    of_good = assign_all(Structures.from_frames([good] * 8), "xyz2mol", 1, progress=False)
    verdicts = of_good.assign(id=list("abcdefgh"))
    verdicts.loc[2, "valid"] = False
    frame = strain.check_all(structures, verdicts, 2, time_limit=3, progress=False)
    reasons = ["", "unsupported_element", "", "", "scf", "timeout", "", "too_many_atoms"]
    assert frame["reason"].tolist() == reasons
    assert frame["checked"].tolist() == verdicts["valid"].tolist()
    assert frame["id"].tolist() == verdicts["id"].tolist()
    assert frame.loc[[1, 2, 4, 5, 7], VALUES].isna().all(axis=None)
    alone = relax(Structures.from_frames([good]))
    for i in (0, 3, 6):
        assert frame.loc[i, VALUES].tolist() == alone.loc[0, VALUES].tolist()


def test_what_the_library_raises_is_a_reason(relaxed, monkeypatch):
    def fail(*_, **__):
        raise np.linalg.LinAlgError("no convergence")

    monkeypatch.setattr("tutti.chemistry.xtb.BFGS", fail)
    frame = relax(relaxed[:2])
    assert frame["reason"].tolist() == ["library_error"] * 2
    assert frame["message"].tolist() == ["xTB: LinAlgError: no convergence"] * 2
    assert frame[VALUES].isna().all(axis=None)


def test_step_limit_is_a_reason(monkeypatch):
    monkeypatch.setattr(strain, "MAX_STEPS", 2)
    frame = relax(jittered(Structures.from_frames([known("CH3CH2OH")]), 0.05))
    assert frame["reason"].tolist() == ["relaxation"]
    assert frame[VALUES].isna().all(axis=None)


def test_rows_of_parts_are_those_of_all(relaxed):
    some = jittered(relaxed[:12], 0.05)
    verdicts = assign_all(some, "xyz2mol", 1, progress=False)
    whole = strain.check_all(some, verdicts, 2, progress=False)
    parts = [
        strain.check_all(some[a:b], verdicts[a:b], 1, progress=False) for a, b in ((0, 1), (1, 8), (8, 12))
    ]
    joined = pd.concat(parts, ignore_index=True)
    pd.testing.assert_frame_equal(joined.drop(columns="seconds"), whole.drop(columns="seconds"))


def test_turned_molecule_has_the_same_strain(relaxed):
    one = jittered(relaxed[200:201], 0.05)
    turn = Rotation.random(rng=np.random.default_rng(5)).as_matrix()
    frame = relax(Structures.concatenate([one, replace(one, positions=one.positions @ turn.T + 1.5)]))
    first, second = frame[VALUES].to_numpy(float)
    assert (abs(first - second) < [0.05, 0.01, 0.5, 1e-3, 1e-3, 0.1, 2]).all()


@pytest.mark.parametrize("n", [1, 2, 3, 9])
def test_superposed_rmsd(n):
    rng = np.random.default_rng(n)
    for _ in range(20):
        first = rng.normal(size=(n, 3))
        second = first + rng.normal(scale=0.3, size=(n, 3))
        found = strain.superposed_rmsd(
            first, second @ Rotation.random(rng=rng).as_matrix() + rng.normal(size=3)
        )
        centred = first - first.mean(axis=0), second - second.mean(axis=0)
        if n == 1:
            expected = 0.0
        elif n == 2:
            expected = (
                abs(np.linalg.norm(np.diff(first, axis=0)) - np.linalg.norm(np.diff(second, axis=0))) / 2
            )
        else:
            with warnings.catch_warnings(action="ignore"):  # three centred points lie in one plane
                expected = Rotation.align_vectors(*centred)[1] / np.sqrt(n)
        assert found == pytest.approx(expected, abs=1e-6)


def test_mirror_images_do_not_superpose():
    points = np.random.default_rng(0).normal(size=(5, 3))
    assert strain.superposed_rmsd(points, points) < 1e-12
    assert strain.superposed_rmsd(points, points * [1, 1, -1]) > 0.2


def test_workers_of_a_parent_that_used_threads():
    """A fork inherits torch's OpenMP but not its threads: code that waits for those never comes back."""
    program = textwrap.dedent(
        """
        import sys, torch, ase.build, pandas as pd, numpy as np
        torch.set_num_threads(4)
        (torch.randn(800, 800) @ torch.randn(800, 800)).exp().sum()
        from tutti.benchmark.metrics import strain
        from tutti.core.structures import Structures
        assert "tblite" not in sys.modules
        atoms = ase.build.molecule("CH3CH2OH")
        structures = Structures.from_frames([(atoms.numbers, atoms.positions)] * 6)
        bonds = {"bond_first": [[0]] * 6, "bond_second": [[1]] * 6}
        verdicts = pd.DataFrame({"id": range(6), "valid": True, "smiles": "CCO", **bonds})
        frame = strain.check_all(structures, verdicts, 3, time_limit=20, progress=False)
        assert (frame["reason"] == "").all(), frame
        assert frame["energy_drop_per_atom"].nunique() == 1
        """
    )
    subprocess.run([sys.executable, "-c", program], env={"OMP_NUM_THREADS": "4"}, check=True, timeout=120)


def test_smiles_of_the_sample_is_compared():
    numbers, positions = known("CH3CH2OH")
    smiles = xyz2mol.assign(numbers, positions).smiles
    assert [strain.relax(numbers, positions, text, NO_BONDS)[3] for text in (smiles, "COC")] == [True, False]


def test_ions_are_relaxed_with_their_charge():
    """Ammonium keeps its four bonds; as a neutral radical, xyz2mol would not know it."""
    methane = known("CH4")
    ammonium = np.array([7, 1, 1, 1, 1], np.uint8), methane[1] * 1.03 / 1.09
    structures = Structures.from_frames([ammonium], columns={"charge": np.array([1])})
    frame = relax(structures)
    assert frame["graph_survives"].tolist() == [True]
    neutral = strain.relax(*ammonium, "[NH4+]", NO_BONDS, 0)
    assert neutral[1] != pytest.approx(frame["energy_drop_per_atom"][0], rel=0.1)


def by_rdkit(numbers, positions, bonds):
    """Every bond, angle and torsion of a molecule as RDKit measures them, by their atoms."""
    mol = Chem.RWMol()
    for number in numbers.tolist():
        mol.AddAtom(Chem.Atom(number))
    for a, b in bonds.tolist():
        mol.AddBond(a, b, Chem.BondType.SINGLE)
    conformer = Chem.Conformer(len(numbers))
    conformer.SetPositions(np.asarray(positions, float))
    found = {}
    for measure, smarts in (
        (rdMolTransforms.GetBondLength, "*~*"),
        (rdMolTransforms.GetAngleDeg, "*~*~*"),
        (rdMolTransforms.GetDihedralDeg, "*~*~*~*"),
    ):
        query = Chem.MolFromSmarts(smarts)
        for atoms in mol.GetSubstructMatches(query, uniquify=False):
            if atoms[0] < atoms[-1]:
                found[atoms] = measure(conformer, *atoms)
    return found


@pytest.mark.parametrize("name", ["CH3CH2OCH3", "C3H4_D2d", "bicyclobutane", "CH3CN", "H2", "H2O"])
def test_changes_are_those_of_rdkits_angles(name):
    numbers, before = known(name)
    after = before + np.random.default_rng(3).normal(scale=0.15, size=before.shape)
    if name in ("CH3CN", "C3H4_D2d"):  # the minimum is straight, whatever the sample was
        before, after = after, before
    row = assign_all(Structures.from_frames([known(name)]), "xyz2mol", 1, progress=False).iloc[0]
    bonds = np.array([row["bond_first"], row["bond_second"]], np.int64).T
    first, second = by_rdkit(numbers, before, bonds), by_rdkit(numbers, after, bonds)
    expected = {2: [], 3: [], 4: []}
    for atoms, value in second.items():
        inner = (atoms[:3], atoms[1:]) if len(atoms) == 4 else ()
        if all(second.get(each, second.get(each[::-1])) < strain.STRAIGHT for each in inner):
            change = abs(value - first[atoms])
            expected[len(atoms)].append(min(change, 360 - change) if len(atoms) == 4 else change)
    assert len(expected[4]) > 10 or name in ("CH3CN", "H2", "H2O", "C3H4_D2d")
    means = [np.mean(each) if each else np.nan for each in expected.values()]
    np.testing.assert_allclose(np.array(strain.changes(before, after, bonds), float), means, rtol=1e-7)


def test_a_turned_methyl_group_changes_torsions_only():
    """By 100°, on the circle: torsions of 100° and of 260° are both 100° apart."""
    numbers, before = known("CH3CH2OH")
    row = assign_all(Structures.from_frames([(numbers, before)]), "xyz2mol", 1, progress=False).iloc[0]
    bonds = np.array([row["bond_first"], row["bond_second"]]).T
    methyl = next(c for c in range(2) if (numbers[bonds[(bonds == c).any(axis=1)]] == 1).sum() == 3)
    hydrogens = [b if a == methyl else a for a, b in bonds if methyl in (a, b) and 1 in numbers[[a, b]]]
    other = next(b if a == methyl else a for a, b in bonds if {6} == set(numbers[[a, b]]))
    axis = before[other] - before[methyl]
    turn = Rotation.from_rotvec(np.radians(100) * axis / np.linalg.norm(axis))
    after = before.copy()
    after[hydrogens] = turn.apply(before[hydrogens] - before[methyl]) + before[methyl]
    lengths, angles, torsions = strain.changes(before, after, bonds)
    assert lengths == pytest.approx(0, abs=1e-12) and angles == pytest.approx(0, abs=1e-6)
    assert torsions == pytest.approx(100 * 9 / 12)  # the other three are about the bond of C and O
