"""Ring systems: rings that share atoms (fused, bridged or spiro), with the elements and bond orders in them.

Models that have learnt bonds and angles may still close rings as no chemistry does; ring systems that the
data lack tell. Two ring systems are the same when their canonical SMILES, without hydrogens and charges, are.
Writing these would take longer than all else here, so that ring systems are told apart by colour refinement
of all molecules at once (Weisfeiler and Leman, 1968), which starts from the elements and the numbers of
closed walks from each atom and so also tells regular graphs apart, cubane from cuneane. Only examples are
written.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from rdkit import Chem
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components

from tutti.benchmark.metrics.bonded import Bonded
from tutti.chemistry.bonds.assignment import Bonds
from tutti.chemistry.bonds.graph import add_bonds
from tutti.core.library_calls import RDKIT
from tutti.core.randomness import numpy_generator

_SHIFTS = np.array([30, 27, 31], np.uint64)
_FACTORS = np.array([0xBF58476D1CE4E5B9, 0x94D049BB133111EB], np.uint64)
_STEP = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class RingSystems:
    """S ring systems of M molecules.

    Attributes:
        molecule: [S] int64, ascending: whose it is.
        kind: [S] uint64, the same for ring systems that are the same, in whatever molecules.
        n_molecules: M; those without rings count too.
        atoms: rows of atoms in rings, by ring system.
        starts: [S + 1] int64: ring system i has atoms[starts[i]] ... atoms[starts[i + 1] - 1].
    """

    molecule: np.ndarray
    kind: np.ndarray
    n_molecules: int
    atoms: np.ndarray
    starts: np.ndarray

    @classmethod
    def of(cls, bonded: Bonded) -> Self:
        """All ring systems of the molecules."""
        bonds = ring_bonds(bonded)
        first, second = bonded.first[bonds], bonded.second[bonds]
        atoms, ends = np.unique(np.concatenate([first, second]), return_inverse=True)
        first, second = np.split(ends.astype(np.int64), 2)
        n_systems, system = connected_components(
            csr_array((np.ones(len(first), np.int8), (first, second)), (len(atoms),) * 2), directed=False
        )
        order = np.argsort(
            system, kind="stable"
        )  # labels ascend with the first atom, and so with the molecule
        starts = np.searchsorted(system[order], np.arange(n_systems + 1))
        colours = _colours(bonded.numbers[atoms], first, second, bonded.order[bonds])
        kind = np.add.reduceat(_mixed(colours[order]), starts[:-1]) if n_systems else colours
        rows = atoms[order]
        return cls(bonded.molecule[rows[starts[:-1]]], kind, len(bonded), rows, starts)

    def smiles(self, index: int, bonded: Bonded) -> str:
        """Canonical SMILES of one ring system, without hydrogens and charges: what `kind` stands for."""
        rows = np.sort(self.atoms[self.starts[index] : self.starts[index + 1]])
        starts, neighbour, halves = bonded.neighbours
        places = np.concatenate([np.arange(starts[row], starts[row + 1]) for row in rows])
        first, second = np.repeat(rows, starts[rows + 1] - starts[rows]), neighbour[places]
        chosen = (first < second) & np.isin(second, rows)
        first, second = (np.searchsorted(rows, side[chosen]) for side in (first, second))
        with RDKIT:
            mol = Chem.RWMol()
            for number in bonded.numbers[rows].tolist():
                mol.AddAtom(Chem.Atom(number))
        add_bonds(mol, Bonds(first, second, halves[places[chosen]] / 2))
        with RDKIT:
            return Chem.MolToSmiles(mol)


def ring_bonds(bonded: Bonded) -> np.ndarray:
    """Indices of the bonds that are in a ring, ascending: those whose atoms would be joined without them.

    In a spanning tree, a bond is in no ring when no bond outside the tree goes around it. Each bond outside
    gets a random number; the exclusive or of those of a branch's atoms is 0 when all begin and end within it.
    """
    bonds = _without_branches(bonded)
    if not len(bonds):
        return bonds
    atoms, ends = np.unique(np.stack([bonded.first[bonds], bonded.second[bonds]]), return_inverse=True)
    first, second = ends.reshape(2, -1)
    order, parent = _spanning_tree(first, second, len(atoms))
    in_tree = (parent[first] == second) | (parent[second] == first)
    label = np.zeros(len(atoms) + 1, np.uint64)
    outside = numpy_generator(0, "ring bonds").integers(1 << 63, size=len(bonds), dtype=np.uint64)
    outside[in_tree] = 0
    for side in (first, second):
        np.bitwise_xor.at(label, side, outside)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    of_parent = place[parent[order[1:]]]  # ascending, and so level by level
    ends_of_levels = [1]
    while ends_of_levels[-1] < len(order):
        ends_of_levels.append(1 + int(np.searchsorted(of_parent, ends_of_levels[-1])))
    for start, end in zip(ends_of_levels[-2::-1], ends_of_levels[:0:-1], strict=True):
        level = order[start:end]
        np.bitwise_xor.at(label, parent[level], label[level])
    child = np.where(parent[first] == second, first, second)
    return bonds[~in_tree | (label[child] != 0)]


def _without_branches(bonded: Bonded) -> np.ndarray:
    """Bonds left when atoms with one bond are taken away again and again: rings, and what joins them."""
    bonds = np.arange(len(bonded.first))
    while len(bonds):
        first, second = bonded.first[bonds], bonded.second[bonds]
        counts = np.bincount(np.concatenate([first, second]))
        inner = (counts[first] > 1) & (counts[second] > 1)
        if inner.all():
            break
        bonds = bonds[inner]
    return bonds


def _spanning_tree(first: np.ndarray, second: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """(nodes [n + 1] by level, [n + 1] parent of each), of the graph with a root n joined to each piece."""
    ones = np.ones(len(first), np.int8)
    _, piece = connected_components(csr_array((ones, (first, second)), (n, n)), directed=False)
    _, heads = np.unique(piece, return_index=True)
    rows, columns = np.append(first, np.full(len(heads), n)), np.append(second, heads)
    graph = coo_array((np.ones(len(rows), np.int8), (rows, columns)), (n + 1, n + 1)).tocsr()
    return breadth_first_order(graph, n, directed=False)


def _colours(numbers: np.ndarray, first: np.ndarray, second: np.ndarray, order: np.ndarray) -> np.ndarray:
    """[n] uint64: the stable colouring of atoms."""
    rows, columns = np.concatenate([first, second]), np.concatenate([second, first])
    bond = _mixed(np.tile(np.rint(2 * order).astype(np.uint64), 2))
    by_row = np.argsort(rows, kind="stable")
    columns, bond = columns[by_row], bond[by_row]
    starts = np.searchsorted(rows[by_row], np.arange(len(numbers)))
    colours = _mixed(numbers.astype(np.uint64))
    for counts in _closed_walks(first, second, len(numbers)):
        colours = _mixed(colours + counts.astype(np.uint64))
    n_colours = 0
    while len(numbers) and (n := len(np.unique(colours))) > n_colours:
        n_colours = n
        around = np.add.reduceat(_mixed(colours[columns] ^ bond), starts)
        colours = _mixed(colours * _STEP + around)
    return colours


def _closed_walks(first: np.ndarray, second: np.ndarray, n: int) -> list[np.ndarray]:
    """[n] of walks of 3, 4, 5 and 6 bonds from each atom to itself."""
    rows, columns = np.concatenate([first, second]), np.concatenate([second, first])
    one = csr_array((np.ones(len(rows), np.int64), (rows, columns)), (n, n))
    two = one @ one
    three = two @ one
    pairs = ((one, two), (two, two), (two, three), (three, three))
    return [left.multiply(right).sum(axis=1) for left, right in pairs]


def _mixed(numbers: np.ndarray) -> np.ndarray:
    """[...] uint64: a hash of each number (the finaliser of SplitMix64: Steele, Lea, Flood, OOPSLA 2014)."""
    numbers = numbers + _STEP
    for shift, factor in zip(_SHIFTS, _FACTORS, strict=False):
        numbers = (numbers ^ (numbers >> shift)) * factor
    return numbers ^ (numbers >> _SHIFTS[-1])


def with_new(samples: RingSystems, reference: RingSystems) -> tuple[np.ndarray, np.ndarray]:
    """(molecules with a ring system that the reference lacks, ascending; these ring systems)."""
    new = np.flatnonzero(~np.isin(samples.kind, reference.kind))
    return np.unique(samples.molecule[new]), new


def floor_shares(reference: RingSystems, n_molecules: int, draws: int, stream: str, seed: int) -> np.ndarray:
    """Shares [draws] of a part of the reference with a ring system that the rest of it lacks.

    Args:
        reference: T molecules.
        n_molecules: S of the samples; the part has min(S, T/2), drawn anew for each.
        draws: how many.
        stream: names the random stream, together with `seed`.
        seed: of the draws.

    Returns:
        Empty when T < 2.
    """
    part, generator = min(n_molecules, reference.n_molecules // 2), numpy_generator(seed, stream)
    if part == 0:
        return np.empty(0)
    _, kind, counts = np.unique(reference.kind, return_inverse=True, return_counts=True)
    shares = np.empty(draws)
    for draw in range(draws):
        chosen = np.zeros(reference.n_molecules, bool)
        chosen[generator.choice(reference.n_molecules, part, replace=False, shuffle=False)] = True
        inside = chosen[reference.molecule]
        alone = np.bincount(kind[inside], minlength=len(counts)) == counts
        shares[draw] = len(np.unique(reference.molecule[inside & alone[kind]])) / part
    return shares
