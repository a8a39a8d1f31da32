"""Geometries that break, stall or mislead bond perception, with what chemistry says about them."""

from collections.abc import Iterator

import ase.build
import numpy as np
from rdkit import Chem
from rdkit.Chem import AllChem

from tutti.core.randomness import numpy_generator

Geometry = tuple[np.ndarray, np.ndarray]


def sample(numbers: object, positions: object) -> Geometry:
    return np.asarray(numbers, dtype=int), np.asarray(positions, dtype=float).reshape(-1, 3)


def known(name: str) -> Geometry:
    """A molecule of ASE's collection."""
    atoms = ase.build.molecule(name)
    return sample(atoms.numbers, atoms.positions)


def together(*parts: Geometry, spacing: float = 10.0) -> Geometry:
    shifted = [x + np.array([i * spacing, 0, 0]) for i, (_, x) in enumerate(parts)]
    return sample(np.concatenate([z for z, _ in parts]), np.concatenate(shifted))


def embedded(smiles: str) -> Geometry:
    """A molecule as RDKit builds it, relaxed with MMFF94."""
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    if AllChem.EmbedMolecule(mol, randomSeed=1) or AllChem.MMFFOptimizeMolecule(mol, maxIters=2000):
        raise ValueError(f"{smiles} cannot be built")
    return sample([atom.GetAtomicNum() for atom in mol.GetAtoms()], mol.GetConformer().GetPositions())


def lattice(number: int, n: int, spacing: float) -> Geometry:
    """n³ atoms on a cubic lattice."""
    return sample(np.full(n**3, number), spacing * np.stack(np.indices((n, n, n)), axis=-1).reshape(-1, 3))


def cloud(n: int, box: float, numbers: tuple[int, ...] = (1, 6, 7, 8, 9)) -> Geometry:
    """Random atoms in a box, no two closer than 0.3 Å."""
    rng = numpy_generator(0, "cloud", n)
    positions = np.empty((0, 3))
    while len(positions) < n:
        point = rng.uniform(0, box, 3)
        if not len(positions) or np.linalg.norm(positions - point, axis=1).min() > 0.3:
            positions = np.vstack([positions, point])
    return sample(rng.choice(numbers, n), positions)


def alkane(n: int) -> Geometry:
    """All-trans CnH2n+2: C-C 1.53 Å, C-H 1.09 Å, tetrahedral angles."""
    half = np.radians(109.5) / 2
    x, y = 1.53 * np.sin(half) * np.arange(n), 1.53 * np.cos(half) * (np.arange(n) % 2)
    carbons = np.stack([x, y, np.zeros(n)], axis=1)
    up = np.where(np.arange(n) % 2, 1.0, -1.0)
    hydrogens = [
        carbons + 1.09 * np.stack([0 * x, up * np.cos(half), sign * np.sin(half) + 0 * x], axis=1)
        for sign in (-1, 1)
    ]
    ends = [
        carbons[i] + 1.09 * np.array([direction * np.sin(half), -up[i] * np.cos(half), 0])
        for i, direction in ((0, -1), (n - 1, 1))
    ]
    return sample([6] * n + [1] * (2 * n + 2), np.concatenate([carbons, *hydrogens, ends]))


def polyene(n: int) -> Geometry:
    """Planar all-trans CnHn+2, n even: C=C 1.34 Å, C-C 1.45 Å, angles of 120°."""
    lengths = np.where(np.arange(n - 1) % 2, 1.45, 1.34)
    angles = np.radians(np.where(np.arange(n - 1) % 2, -30.0, 30.0))
    steps = lengths[:, None] * np.stack([np.cos(angles), np.sin(angles), 0 * angles], axis=1)
    carbons = np.concatenate([np.zeros((1, 3)), np.cumsum(steps, axis=0)])
    out = np.where(np.arange(n) % 2, 1.0, -1.0)
    inner = carbons + 1.09 * out[:, None] * np.array([0, 1, 0])
    ends = [
        carbons[0] + 1.09 * np.array([-np.cos(np.pi / 6), 0.5, 0]),
        carbons[-1] + 1.09 * np.array([np.cos(np.pi / 6), -0.5, 0]),
    ]
    return sample([6] * n + [1] * (n + 2), np.concatenate([carbons, inner, ends]))


def graphene(radius: int) -> Geometry:
    """Hexagonal piece of graphene saturated with hydrogens: 1 is benzene, 2 coronene, 3 circumcoronene."""
    bond = 1.42
    centres = [
        (q, r) for q in range(1 - radius, radius) for r in range(1 - radius, radius) if abs(q + r) < radius
    ]
    corners = [bond * np.array([np.cos(a), np.sin(a)]) for a in np.pi / 6 + np.pi / 3 * np.arange(6)]
    first, second = bond * np.sqrt(3) * np.array([1, 0]), bond * np.sqrt(3) * np.array([0.5, np.sqrt(3) / 2])
    points = np.unique(
        np.round([q * first + r * second + corner for q, r in centres for corner in corners], 6), axis=0
    )
    points = points[
        [i for i, p in enumerate(points) if np.linalg.norm(points[:i] - p, axis=1).min(initial=9) > 0.1]
    ]
    hydrogens = []
    for point in points:
        neighbours = points[np.abs(np.linalg.norm(points - point, axis=1) - bond) < 0.1]
        if len(neighbours) == 2:
            outward = 2 * point - neighbours.sum(axis=0)
            hydrogens.append(point + 1.09 * outward / np.linalg.norm(outward))
    flat = np.concatenate([points, hydrogens])
    return sample([6] * len(points) + [1] * len(hydrogens), np.pad(flat, ((0, 0), (0, 1))))


def scaled(geometry: Geometry, number: int, factor: float) -> Geometry:
    """All atoms of another element, all distances times a factor."""
    return sample(np.full(len(geometry[0]), number), geometry[1] * factor)


AMMONIUM = sample(
    [7, 1, 1, 1, 1],
    1.03 / 3**0.5 * np.array([[0, 0, 0], [1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]),
)
"""NH4+, tetrahedral, N-H 1.03 Å."""

OXONIUM = sample(
    [8, 1, 1, 1],
    0.98 * np.array([[0, 0, 0], [0.94, 0, -0.34], [-0.47, 0.81, -0.34], [-0.47, -0.81, -0.34]]),
)
"""H3O+, pyramidal, O-H 0.98 Å."""

WATER_DIMER = sample(
    [8, 1, 1, 8, 1, 1],
    [
        [0, 0, 0],
        [0.96, 0, 0],
        [-0.24, 0.93, 0],
        [2.91, 0, 0],
        [3.22, 0.55, 0.76],
        [3.22, 0.55, -0.76],
    ],
)
"""Two water molecules with a hydrogen bond, O-O 2.91 Å."""


def cases() -> Iterator[tuple[str, Geometry, str, str, str, str]]:
    """Name, geometry, why, and the reasons (any of `a|b`) by xyz2mol, OpenBabel and the bond-length table."""
    for name, geometry, why, *reasons in (*_simple(), *_molecules(), *_heaps()):
        yield name, geometry, why, *(reasons * 3 if len(reasons) == 1 else reasons)


def _simple() -> Iterator[tuple]:
    methane, water, carbon = known("CH4"), known("H2O"), sample([6], [0, 0, 0])
    far = sample([6, 1], [[0, 0, 0], [1e300, 0, 0]])
    yield "one atom", carbon, "a bond needs two", "no_bonds"
    yield "no atoms", sample([], []), "there is nothing", "no_atoms"
    yield "one spot", sample([6, 6], np.zeros((2, 3))), "distance 0", "overlapping_atoms"
    yield "on itself", together(water, water, spacing=0.05), "distance 0.05 Å", "overlapping_atoms"
    yield "nan", sample([6, 1], [[0, 0, 0], [np.nan, 0, 1]]), "not a place", "non_finite_coordinates"
    yield "inf", sample([6, 1], [[0, 0, 0], [0, -np.inf, 1]]), "not a place", "non_finite_coordinates"
    yield "all nan", scaled(methane, 6, np.nan), "not a place", "non_finite_coordinates"
    # Lone atoms lack partners for their electrons, so that xyz2mol may charge them and miss a total of 0.
    lone = ("no_bonds|charge", "no_bonds", "no_bonds")
    yield "1e6 apart", together(carbon, carbon, spacing=1e6), "no bond is 0.1 mm long", *lone
    yield "1e300 apart", far, "no bond is that long, though its square is inf", *lone
    yield "torn apart", (methane[0], methane[1] * 3), "C-H of 3.3 Å: five lone atoms", *lone
    yield "1e6 away", (water[0], water[1] + 1e6), "physics is the same everywhere", "valid"
    yield "element 118", sample([118, 1], [[0, 0, 0], [1.8, 0, 0]]), "no chemistry", "unsupported_element"
    yield (
        *("helium", sample([2], [0, 0, 0]), "no bonds; the others' tables lack it"),
        *("no_bonds|unsupported_element", "unsupported_element", "unsupported_element"),
    )
    yield (
        *("uranium", lattice(92, 2, 2.8), "a metal: no tables, and no Lewis structure"),
        *("unsupported_element|valence|charge|sanitization", "unsupported_element", "unsupported_element"),
    )
    yield (
        *("sodium chloride", known("NaCl"), "a pair of ions, or one polar bond; the others' tables lack it"),
        *("valid|charge|no_bonds", "unsupported_element", "unsupported_element"),
    )
    yield "short hydrogens", (methane[0], methane[1] * 0.55), "C-H of 0.6 Å is near, so bonded", "valid"


def _molecules() -> Iterator[tuple]:
    yield "H2", known("H2"), "one bond; longer than the published radii allow", "no_bonds", "valid", "valid"
    yield "CO2", known("CO2"), "O=C=O", "valid"
    yield "water dimer", WATER_DIMER, "two molecules; connectedness is another flag", "valid"
    yield "glycine", embedded("NCC(=O)O"), "an ordinary molecule", "valid"
    yield "N4", scaled((np.zeros(4), AMMONIUM[1][1:]), 7, 0.87), "tetrahedron, three bonds each", "valid"
    yield "N60", scaled(known("C60"), 7, 1.0), "cage, three single bonds each", "valid"
    yield "C60", known("C60"), "closed shell, four bonds each", "valid"
    yield "polyene", polyene(200), "C200H202, long but ordinary", "valid"
    yield "alkane", alkane(150), "C150H302, long but ordinary", "valid"
    yield "graphene", graphene(5), "C150H30, closed shell; single bonds by length also leave room", "valid"
    yield "13 waters", together(*[known("H2O")] * 13), "13 molecules; connectedness is another flag", "valid"
    why = "an odd electron: the total charge misses 0, a valence is open, hydrogens can be added"
    for name in ("CH3", "OH", "NO", "CN"):
        yield name, known(name), why, "charge", "valence", "valid"
    why = "two electrons without partner: neutral, a valence is open, hydrogens can be added"
    yield "CH2", known("CH2_s3B1d"), why, "valid", "valence", "valid"
    why = "[C-]#[O+]; O with three bonds has no place without charges"
    yield "CO", known("CO"), why, "valid", "valence", "valence"
    why = "[O-][O+]=O; uncharged, an end has one bond only; the table sees two single bonds of 1.28 Å"
    yield "O3", known("O3"), why, "valid", "valence", "valid"
    yield "NO2", known("NO2"), "odd, and N with four bonds by length", "charge", "valence", "valence"
    why = "charges on N and O; N with more than three bonds; RDKit charges N(=O)=O itself"
    yield "nitromethane", known("CH3NO2"), why, "valid", "valence", "valid"
    why = "charges that add up to 0; N with four bonds has no place without charges"
    yield "zwitterion", embedded("[NH3+]CC(=O)[O-]"), why, "valid", "valence", "valence"
    why = "charge +1, not 0; one bond too many without it"
    yield "NH4+", AMMONIUM, why, "charge", "valence", "valence"
    yield "H3O+", OXONIUM, why, "charge", "valence", "valence"
    yield "6 NH4+", together(*[AMMONIUM] * 6), why, "charge", "valence", "valence"


def _heaps() -> Iterator[tuple]:
    line = sample(np.full(500, 6), np.arange(500)[:, None] * [[1.4, 0, 0]])
    why = "the ends of C=C=...=C lack partners; the table sees single bonds of 1.4 Å with open valences"
    yield "line of 500 C", line, why, "charge|valence|timeout", "valence", "valid"
    crowded = ("valence|charge|sanitization|timeout", "valence", "valence")
    yield "cloud of 500", cloud(500, 15.0), "far too many neighbours", *crowded
    yield "cloud of 500 C", cloud(500, 15.0, (6,)), "far too many neighbours", *crowded
    yield "cloud of N", cloud(60, 5.0, (7,)), "far too many neighbours", *crowded
    yield "dense carbon", lattice(6, 4, 1.3), "cubic lattice: six neighbours inside", *crowded
    yield "dense nitrogen", lattice(7, 4, 1.4), "cubic lattice: six neighbours inside", *crowded
    yield "dense hydrogen", lattice(1, 5, 0.55), "cubic lattice: six neighbours inside", *crowded
    yield "O60", scaled(known("C60"), 8, 1.0), "three bonds at each oxygen", *crowded
    yield "3000 atoms", cloud(3000, 40.0), "above the limit, whatever it is", "too_many_atoms"
    why = "2^30 ways to place the charges; otherwise as one of them"
    yield "30 nitromethanes", together(*[known("CH3NO2")] * 30), why, "timeout|valid", "valence", "valid"
    why = "2^30 valences to choose from; O=S=O; the table sees single bonds with open valences"
    yield "30 SO2", together(*[known("SO2")] * 30), why, "timeout|valid", "valid", "valid"
    zwitterions = together(*[embedded("[NH3+]CC(=O)[O-]")] * 10)
    why = "many ways to place the charges; otherwise as one of them"
    yield "10 zwitterions", zwitterions, why, "timeout|valid", "valence", "valence"
