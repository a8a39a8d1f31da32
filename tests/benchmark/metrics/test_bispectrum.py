"""Bispectra against sums written out, closed forms, e3nn's reduced tensor product and symmetry."""

import math
from itertools import permutations

import numpy as np
import pytest
import torch
from bonded_molecules import EMPTY, HAND, environments_of, loop, packed, qm7
from e3nn import o3
from scipy.special import sph_harm_y
from scipy.stats import special_ortho_group
from sympy.physics.wigner import wigner_3j

from tutti.benchmark.metrics.bispectrum import _BLOCK, EVEN, TRIPLES, bispectra, by_environment
from tutti.benchmark.metrics.bonded import Bonded
from tutti.benchmark.metrics.environments import Environments

RANDOM = np.random.default_rng(0)
ENVIRONMENTS = [RANDOM.normal(size=(n, 3)) for n in RANDOM.integers(1, 6, 40)]
N_NEIGHBOURS = np.array([len(vectors) for vectors in ENVIRONMENTS])
VECTORS = np.concatenate(ENVIRONMENTS)
CENTRE = np.repeat(np.arange(40), N_NEIGHBOURS)


@pytest.fixture(scope="module")
def values():
    return bispectra(VECTORS, CENTRE, 40)


def weight(triple) -> float:
    return math.sqrt(len(set(permutations(triple))))


def real_reference(vectors) -> list[float]:
    """The 15 entries of one environment, every m by itself, with e3nn's real harmonics and w3j."""
    c = []
    for l in range(5):
        harmonics = o3.spherical_harmonics(l, torch.from_numpy(vectors), True, "integral").numpy()
        c.append([sum(row[m] for row in harmonics) / math.sqrt(4 * math.pi) for m in range(2 * l + 1)])
    entries = []
    for triple in TRIPLES:
        l1, l2, l3 = triple
        w3j = o3.wigner_3j(l1, l2, l3, dtype=torch.float64).tolist()
        total = 0.0
        for m1 in range(2 * l1 + 1):
            for m2 in range(2 * l2 + 1):
                for m3 in range(2 * l3 + 1):
                    total += w3j[m1][m2][m3] * c[l1][m1] * c[l2][m2] * c[l3][m3]
        entries.append(weight(triple) * total)
    return entries


def complex_reference(vectors) -> np.ndarray:
    """[15] complex, from complex harmonics and Wigner's 3j symbols: no convention shared with e3nn."""
    x, y, z = vectors.T
    polar, azimuth = np.arctan2(np.hypot(x, y), z), np.arctan2(y, x)
    c = {
        (l, m): sph_harm_y(l, m, polar, azimuth).sum() / math.sqrt(4 * math.pi)
        for l in range(5)
        for m in range(-l, l + 1)
    }
    entries = []
    for l1, l2, l3 in TRIPLES:
        total = sum(
            float(wigner_3j(l1, l2, l3, m1, m2, -m1 - m2)) * c[l1, m1] * c[l2, m2] * c[l3, -m1 - m2]
            for m1 in range(-l1, l1 + 1)
            for m2 in range(-l2, l2 + 1)
            if abs(m1 + m2) <= l3
        )
        entries.append(weight((l1, l2, l3)) * total)
    return np.array(entries)


def test_fourteen_even_entries_and_one_pseudoscalar():
    assert len(TRIPLES) == len(set(TRIPLES)) == 15
    assert TRIPLES[EVEN] == sorted(TRIPLES[EVEN])
    assert len(TRIPLES[EVEN]) == 14
    assert all(sum(triple) % 2 == 0 for triple in TRIPLES[EVEN])
    assert TRIPLES[14] == (2, 3, 4)
    assert all(l1 <= l2 <= l3 <= min(4, l1 + l2) for l1, l2, l3 in TRIPLES)


def test_sums_written_out(values):
    expected = [real_reference(vectors) for vectors in ENVIRONMENTS]
    np.testing.assert_allclose(values, expected, rtol=0, atol=1e-13)


def test_another_convention_differs_only_by_the_sign_of_an_entry(values):
    expected = np.array([complex_reference(vectors) for vectors in ENVIRONMENTS[:8]])
    # Complex conjugation gives an entry the sign (-1)^(l1 + l2 + l3).
    np.testing.assert_allclose(expected[:, EVEN].imag, 0, atol=1e-15)
    np.testing.assert_allclose(expected[:, 14].real, 0, atol=1e-15)
    # What e3nn chose: another version with other signs would not fit stored numbers and figures any more.
    signs = np.array([1, -1, 1, -1, 1, 1, -1, 1, -1, 1, 1, -1, -1, 1, -1])
    np.testing.assert_allclose(values[:8], signs * (expected.real + expected.imag), rtol=0, atol=1e-13)


def test_one_neighbour():
    """Y_l0 = √((2l + 1) / 4π) along the axis, and the others vanish."""
    found = bispectra(np.array([[0.3, -2, 1.0]]), np.array([0]), 1)[0]
    expected = [
        weight(triple)
        * abs(float(wigner_3j(*triple, 0, 0, 0)))
        * math.prod(math.sqrt(2 * l + 1) / (4 * math.pi) for l in triple)
        for triple in TRIPLES
    ]
    np.testing.assert_allclose(np.abs(found), expected, rtol=1e-12, atol=1e-16)


@pytest.mark.parametrize("lmax", [2, 3, pytest.param(4, marks=pytest.mark.long)])
def test_reduced_tensor_product(values, lmax):
    """The invariants of third order that e3nn constructs are these, up to sign and order."""
    irreps = o3.Irreps([(1, (l, (-1) ** l)) for l in range(lmax + 1)])
    product = o3.ReducedTensorProducts("ijk=ikj=jki", i=irreps, filter_ir_out=["0e", "0o"]).double()
    theirs = []
    for vectors in ENVIRONMENTS:
        harmonics = o3.spherical_harmonics(irreps, torch.from_numpy(vectors), True, "integral")
        c = harmonics.sum(dim=0) / math.sqrt(4 * math.pi)
        theirs.append(product(c, c, c).numpy())
    theirs = np.array(theirs)
    ours = values[:, [i for i, triple in enumerate(TRIPLES) if triple[2] <= lmax]]
    assert ours.shape == theirs.shape
    for column in theirs.T:
        distance = [min(np.abs(own - column).max(), np.abs(own + column).max()) for own in ours.T]
        best = int(np.argmin(distance))
        assert distance[best] < 1e-6  # e3nn makes its change of basis in single precision
        ours = np.delete(ours, best, axis=1)


def test_rotation_and_length_change_nothing(values):
    for rotation in special_ortho_group.rvs(3, size=5, random_state=1):
        longer = RANDOM.uniform(0.1, 10, (len(VECTORS), 1)) * (VECTORS @ rotation)
        np.testing.assert_allclose(bispectra(longer, CENTRE, 40), values, rtol=0, atol=1e-14)


def test_reflection_changes_only_the_sign_of_the_pseudoscalar(values):
    for mirror in ([-1, 1, 1], [-1, -1, -1]):
        reflected = bispectra(VECTORS * mirror, CENTRE, 40)
        np.testing.assert_allclose(reflected[:, EVEN], values[:, EVEN], rtol=0, atol=1e-14)
        np.testing.assert_allclose(reflected[:, 14], -values[:, 14], rtol=0, atol=1e-14)
    assert (np.abs(values[N_NEIGHBOURS >= 3, 14]) > 1e-6).all()


def test_neighbours_in_any_order(values):
    order = RANDOM.permutation(len(CENTRE))
    np.testing.assert_allclose(bispectra(VECTORS[order], CENTRE[order], 40), values, rtol=0, atol=1e-14)


def test_many_environments_in_blocks_and_single_precision(values):
    n = 2 * _BLOCK // 40 + 1
    centre = (CENTRE + 40 * np.arange(n)[:, None]).ravel()
    many = bispectra(np.tile(VECTORS.astype(np.float32), (n, 1)), centre, 40 * n)
    assert many.dtype == np.float64
    np.testing.assert_allclose(many.reshape(n, 40, 15), np.broadcast_to(values, (n, 40, 15)), atol=1e-5)


def test_environment_without_vectors_is_zero(values):
    found = bispectra(VECTORS, CENTRE + 1, 42)
    np.testing.assert_allclose(found[1:41], values, rtol=0, atol=1e-15)
    assert (found[[0, 41]] == 0).all()
    assert bispectra(np.empty((0, 3)), np.empty(0, int), 0).shape == (0, 15)


@pytest.mark.parametrize("bad", [[0, 0, 0], [np.nan, 1, 0], [np.inf, 0, 0]])
def test_vectors_without_direction_are_refused(bad):
    with pytest.raises(ValueError, match="no direction"):
        bispectra(np.array([[0, 0, 1.0], bad]), np.array([0, 0]), 1)


def test_real_molecules(shared_data):
    structures, verdicts = qm7(shared_data)
    bonded = Bonded.of(structures, verdicts)
    observations = by_environment(bonded)
    assert list(observations) == Environments.of(bonded).names[:10]
    expected = list(environments_of(loop(structures, verdicts)))
    for name, found in observations.items():
        own = [(row, i, sorted(near)) for other, row, i, near in expected if other == name]
        assert found.molecule.tolist() == [i for _, i, _ in own]
        assert found.n_molecules == len(bonded)
        for k in range(0, len(own), 50):
            row, _, near = own[k]
            one = real_reference(bonded.positions[near] - bonded.positions[row])
            np.testing.assert_allclose(found.values[k], one, rtol=0, atol=1e-13)


def test_atoms_in_any_order(shared_data):
    bonded = Bonded.of(*qm7(shared_data)).head(50)
    rank = np.lexsort((np.random.default_rng(2).random(len(bonded.molecule)), bonded.molecule)).argsort()
    numbers, positions = np.empty_like(bonded.numbers), np.empty_like(bonded.positions)
    numbers[rank], positions[rank] = bonded.numbers, bonded.positions
    shuffled = Bonded(
        bonded.n_atoms, numbers, positions, rank[bonded.second], rank[bonded.first], bonded.order
    )
    before = by_environment(bonded, ["C:C1,H3", "C:C2,H2"])
    after = by_environment(shuffled, ["C:C1,H3", "C:C2,H2"])
    for name, found in before.items():
        assert after[name].molecule.tolist() == found.molecule.tolist()
        for i in set(found.molecule.tolist()):
            # The atoms of a molecule have changed places: compare them by their largest differences.
            one, other = (x.values[x.molecule == i] for x in (found, after[name]))
            gaps = np.abs(one[:, None] - other[None]).max(axis=2)
            assert gaps.min(axis=0).max() < 1e-13
            assert gaps.min(axis=1).max() < 1e-13


@pytest.mark.parametrize("molecules", [*EMPTY.values(), [HAND[3]]], ids=[*EMPTY, "one neighbour each"])
def test_no_environments(molecules):
    bonded = packed(molecules)
    assert by_environment(bonded) == {}
    assert by_environment(bonded, ["C:C2,H2"])["C:C2,H2"].values.shape == (0, 15)
