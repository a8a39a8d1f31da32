import numpy as np
import pytest
from broken_files import error_of

from tutti import io

HARTREE, BOHR = 27.211386245988, 0.529177210903  # eV, Å: CODATA 2018

FRAME = """begin
comment water, made by hand
lattice 10.0 0.0 0.0
lattice 0.0 11.0 0.0
lattice 0.0 0.0 12.0
atom 1.0 2.0 3.0 O -0.5 0.0 0.1 0.2 0.3
atom 4.0 5.0 6.0D0 H 0.5 0.0 -0.1 -0.2 -0.3
energy -76.0
charge 0.0
end
"""
MOLECULE = "\n".join(line for line in FRAME.splitlines() if "lattice" not in line) + "\n"


def read(tmp_path, text, **options):
    (tmp_path / "input.data").write_text(text)
    return io.read(tmp_path / "input.data", **options)


def test_bohr_and_hartree_by_custom(tmp_path):
    structures = read(tmp_path, FRAME + "\n" + FRAME)
    np.testing.assert_allclose(structures.positions[1], np.array([4, 5, 6]) * BOHR, rtol=1e-8)
    np.testing.assert_allclose(structures.energy, -76 * HARTREE, rtol=1e-8)
    np.testing.assert_allclose(structures.forces[0], np.array([1, 2, 3]) * 0.1 * HARTREE / BOHR, rtol=1e-8)
    np.testing.assert_allclose(structures.cell[1], np.diag([10, 11, 12]) * BOHR, rtol=1e-8)
    assert structures.pbc.all() and structures.numbers.tolist() == [8, 1, 8, 1]
    assert structures.columns["charge"].tolist() == [0, 0] and structures.units == {"charge": "e"}


def test_files_in_ev_and_angstrom(tmp_path):
    structures = read(tmp_path, FRAME, units={"energy": "eV", "length": "Å"})
    assert structures.energy.tolist() == [-76.0] and structures.forces[0].tolist() == [0.1, 0.2, 0.3]
    assert structures.positions[1].tolist() == [4, 5, 6] and structures.cell[0, 2, 2] == 12


def test_molecules_and_other_suffixes(tmp_path):
    (tmp_path / "x.n2p2").write_text(MOLECULE.replace("charge 0.0\n", ""), newline="\r\n")
    structures = io.read(tmp_path / "x.n2p2")
    assert structures.cell is None and not structures.columns and not structures.units


def test_comments_between_structures_and_another_name_of_the_charge(tmp_path):
    text = (
        "comment made by hand\n# and this\n"
        + FRAME.replace("charge 0.0", "totalcharge -1.0")
        + "comment end\n"
    )
    assert read(tmp_path, text).columns["charge"].tolist() == [-1]


def test_molecules_among_periodic_structures(tmp_path):
    structures = read(tmp_path, FRAME + MOLECULE)
    assert structures.pbc.tolist() == [[True] * 3, [False] * 3] and not structures.cell[1].any()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ":1: expected a structure"),
        (FRAME + "atom\n", ":11: expected begin, found 'atom'"),
        (
            FRAME.replace("end\n", ""),
            ":10: expected the end of the structure from line 1, found the end of the file",
        ),
        (FRAME.replace("end\n", FRAME), ":10: expected atom, lattice"),
        (FRAME.replace("lattice 0.0 0.0 12.0\n", ""), ":1: expected three lattice vectors or none, found 2"),
        (FRAME.replace("lattice 0.0 0.0 12.0", "lattice 0.0 12.0"), ":5: expected atom, lattice"),
        (FRAME.replace(" -0.3\n", "\n"), ":7: expected atom, lattice, energy"),
        (FRAME.replace(" H ", " Hy "), ":7: expected a chemical element, found 'Hy'"),
        (FRAME.replace("5.0 6.0D0", "5.0 6.0.0"), ":7: expected a number, found '6.0.0'"),
        (FRAME.replace("5.0 6.0D0", "5.0 nan"), ":7: expected finite positions"),
        (FRAME.replace("-0.2 -0.3", "-0.2 inf"), ":7: expected finite forces"),
        (FRAME.replace("-76.0", "low"), ":8: expected a number, found 'low'"),
        (FRAME.replace("-76.0", "nan"), ":1: expected finite energy"),
        (FRAME.replace("energy", "enrgy"), ":8: expected atom, lattice, energy"),
        (
            FRAME + FRAME.replace("energy -76.0\n", ""),
            ":11: expected energy, as other structures have it, found none",
        ),
    ],
)
def test_malformed_files(tmp_path, text, message):
    assert error_of(tmp_path / "input.data", text).startswith(f"input.data{message}")


def test_real_water(shared_data):
    structures = io.read(shared_data / "water_rpbe_d3.input.data")
    assert len(structures) == 20 and structures.pbc.all()
    # First and last lines of the file, read off by eye.
    np.testing.assert_allclose(
        structures.positions[0], np.array([3.735290838, 2.327841157, 3.501304856]) * BOHR, rtol=1e-8
    )
    np.testing.assert_allclose(
        structures.forces[0], np.array([-0.006530137, -0.002852459, -0.027992554]) * HARTREE / BOHR, rtol=1e-8
    )
    np.testing.assert_allclose(structures.cell[0], 24.623508 * BOHR * np.eye(3), rtol=1e-8)
    assert structures.energy[-1] == pytest.approx(-4900.14395256 * HARTREE, rel=1e-8)
    assert structures.numbers[:4].tolist() == [8, 1, 1, 8] and structures.numbers[-1] == 1
    # A periodic system at rest: the forces add up to nothing, but for what DFT grids leave over.
    for i in range(20):
        assert abs(structures.forces[structures.offsets[i] : structures.offsets[i + 1]].sum()) < 0.5


def test_one_real_molecule_by_hand(shared_data):
    """Worked out on paper with 0.529177 Å per bohr, 27.2114 eV and 51.4221 eV/Å per atomic unit."""
    structures = io.read(shared_data / "water_rpbe_d3.input.data")
    oxygen, hydrogen, other = structures.positions[:3]
    np.testing.assert_allclose(oxygen, [1.976631, 1.231840, 1.852811], atol=2e-6)
    np.testing.assert_allclose(structures.forces[0], [-0.335793, -0.146679, -1.439436], atol=1e-5)
    assert structures.cell[0, 2, 2] == pytest.approx(13.030199, abs=1e-5)
    # A length of an O-H bond and an angle that only Å can give.
    assert np.linalg.norm(hydrogen - oxygen) == pytest.approx(0.98068, abs=1e-5)
    assert 0.9 < np.linalg.norm(other - oxygen) < 1.1
    cosine = (hydrogen - oxygen) @ (other - oxygen) / 0.98068 / np.linalg.norm(other - oxygen)
    assert 95 < np.degrees(np.arccos(cosine)) < 115
