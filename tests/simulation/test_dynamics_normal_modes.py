"""Harmonic vibrations against closed forms and ASE's."""

import ase
import numpy as np
import pytest
from ase import units
from ase.build import molecule
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.emt import EMT
from ase.vibrations import Vibrations as AseVibrations

from tutti.simulation.analysis.normal_modes import hessian, match, relax, table, vibrations


class Springs(Calculator):
    """Harmonic springs between all pairs of atoms, at rest at the positions given."""

    implemented_properties = ("energy", "forces")

    def __init__(self, rest, stiffness):
        super().__init__()
        self.first, self.second = np.triu_indices(len(rest), 1)
        self.lengths = np.linalg.norm(rest[self.first] - rest[self.second], axis=1)
        self.stiffness = np.broadcast_to(stiffness, self.lengths.shape)

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        vectors = atoms.positions[self.first] - atoms.positions[self.second]
        lengths = np.linalg.norm(vectors, axis=1)
        pull = -(self.stiffness * (lengths - self.lengths) / lengths)[:, None] * vectors
        forces = np.zeros_like(atoms.positions)
        np.add.at(forces, self.first, pull)
        np.add.at(forces, self.second, -pull)
        energy = np.sum(self.stiffness * (lengths - self.lengths) ** 2) / 2
        self.results = {"energy": energy, "forces": forces}


def wavenumber(stiffness, mass):
    """Of a stiffness in eV/Å² and a mass in amu."""
    rate = np.sqrt(stiffness * units._e * 1e20 / (mass * units._amu))  # rad/s
    return rate / (2 * np.pi * units._c * 100)


def test_a_diatomic_molecule():
    atoms = ase.Atoms("CO", [[0, 0, 0], [0.6, 0.7, 0.8]])
    found = vibrations(atoms, Springs(atoms.positions, 60.0))
    reduced = 12.011 * 15.999 / (12.011 + 15.999)
    assert found.frequencies == pytest.approx([wavenumber(60, reduced)], rel=1e-4)
    assert found.modes.shape == (1, 2, 3)


def test_an_equilateral_triangle():
    """Three equal masses on equal springs: ω² = 3k/m, and twice 3k/(2m)."""
    rest = 1.5 * np.array([[1, 0, 0], [-0.5, 3**0.5 / 2, 0], [-0.5, -(3**0.5) / 2, 0]])
    found = vibrations(ase.Atoms("C3", rest), Springs(rest, 20.0))
    expected = [wavenumber(20, 12.011) * factor**0.5 for factor in (1.5, 1.5, 3)]
    np.testing.assert_allclose(found.frequencies, expected, rtol=1e-4)
    flat = found.modes.reshape(3, -1)
    np.testing.assert_allclose(flat @ flat.T, np.eye(3), atol=1e-10)


def test_a_saddle_has_an_imaginary_frequency():
    atoms = ase.Atoms("CO", [[0, 0, 0], [0, 0, 1.1]])
    assert vibrations(atoms, Springs(atoms.positions, -60.0)).frequencies[0] < -1000


def test_the_same_as_ase(tmp_path):
    atoms = relax(molecule("CH3CH2OH"), EMT())
    found = vibrations(atoms, EMT())
    theirs = atoms.copy()
    theirs.calc = EMT()
    ase_vibrations = AseVibrations(theirs, name=str(tmp_path / "ase"), delta=0.01)
    ase_vibrations.run()
    np.testing.assert_allclose(
        hessian(atoms, EMT()), ase_vibrations.get_vibrations().get_hessian_2d(), atol=1e-9
    )
    real = ase_vibrations.get_frequencies().real
    np.testing.assert_allclose(found.frequencies[3:], np.sort(real)[-18:], atol=2)


def test_relaxation_and_its_failure():
    atoms = ase.Atoms("CO", [[0, 0, 0], [0, 0, 1.5]])
    relaxed = relax(atoms, Springs(np.array([[0, 0, 0], [0, 0, 1.1]]), 60.0))
    assert relaxed.get_distance(0, 1) == pytest.approx(1.1, abs=1e-4)
    assert atoms.get_distance(0, 1) == 1.5
    lost = relax(atoms, Springs(np.array([[0, 0, 0], [0, 0, 1.1]]), np.nan))
    assert lost == "the relaxation ended: the energy is not finite"


def test_relaxation_leaves_a_saddle():
    """A spring at its rest length across a rhombus squeezed flat: symmetry forbids the first step."""
    rest = np.array([[0, 0, 0], [1.0, 0, 0], [0, 1.0, 0]])
    flat = ase.Atoms("C3", [[0, 0, 0], [0.7, 0, 0], [-0.7, 0, 0]])
    relaxed = relax(flat, Springs(rest, 20.0))
    assert vibrations(flat, Springs(rest, 20.0)).frequencies[0] < -10
    np.testing.assert_allclose(
        relaxed.get_all_distances(), ase.Atoms("C3", rest).get_all_distances(), atol=1e-3
    )


def bent(stiffness):
    """Two light atoms on a heavy one at a right angle: springs of the first, the second and between them."""
    rest = np.array([[0, 0, 0], [1.0, 0, 0], [0, 1.0, 0]])
    return vibrations(ase.Atoms("UH2", rest), Springs(rest, stiffness))


def test_modes_are_matched_whatever_their_order_and_orientation():
    """Two stretches that change places, in a molecule turned and moved."""
    stiffness = [10.0, 20.0, 0.5]
    reference, model = bent([40.0, 20.0, 0.5]), bent(stiffness)
    matched = match(model, reference)
    assert matched.reference.tolist() == sorted(matched.reference)
    # The bend, the second bond's stretch, the first one's, which is the softer of the model's stretches.
    expected = [matched.reference[0], matched.reference[1], matched.reference[2] / 2]
    np.testing.assert_allclose(matched.frequencies, expected, rtol=0.03)
    turned = model.atoms.copy()
    turned.rotate(70, (1, 2, 3))
    turned.translate((4, 5, 6))
    rest = turned.positions
    again = match(vibrations(turned, Springs(rest, stiffness)), reference)
    np.testing.assert_allclose(again.frequencies, matched.frequencies, rtol=2e-3)
    np.testing.assert_allclose(again.overlaps, matched.overlaps, atol=1e-2)
    assert again.distance == pytest.approx(0, abs=1e-10)
    same = match(reference, reference)
    np.testing.assert_allclose(same.overlaps, 1)
    with pytest.raises(ValueError, match="same atoms"):
        match(vibrations(ase.Atoms("CO", rest[:2]), Springs(rest[:2], 1.0)), reference)


def test_table():
    names = {"model": "m", "dataset": "d", "seed": 0}
    reference, model = bent(40.0), bent(40.0 * 1.1**2)
    rows = table(model, reference, **names).set_index("metric")
    assert rows["value"]["vibrational_frequency_mae"] == pytest.approx(0.1 * reference.frequencies.mean())
    assert rows["value"]["vibrational_frequency_max"] == pytest.approx(0.1 * reference.frequencies[-1])
    mae = rows.loc["vibrational_frequency_mae"]
    assert mae.ci_low < mae.value < mae.ci_high and mae.n == 3
    assert mae.note == "smallest overlap of matched modes 1.00"
    lost = table("no minimum after 1000 steps", reference, **names)
    assert lost["value"].isna().all() and len(lost) == 3
    assert set(lost["note"]) == {"undefined: no minimum after 1000 steps"}
