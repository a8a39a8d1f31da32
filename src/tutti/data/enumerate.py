"""All small neutral closed-shell molecules of C, N, O and F, in the spirit of GDB-17.

Molecules are made in the order of GDB-17 (Ruddigkeit et al., J. Chem. Inf. Model. 52, 2864, 2012): carbon
skeletons atom by atom and ring bond by ring bond, then multiple bonds one at a time, then heteroatoms in
place of carbons. Canonical SMILES of sanitised molecules tell duplicates apart, so an aromatic molecule
comes out once. Valence alone would give 25,000 molecules of six heavy atoms; GDB-17's filters leave those
that might be kept in a bottle. Ours are not identical to them, but chosen so that size and character come
near QM9's, the part of GDB-17 with up to nine heavy atoms (Ramakrishnan et al., Sci. Data 1, 140022,
2014):

* `STRAIN` and `_anti_bredt`: no fused three-membered rings, no cumulated double bonds, no multiple bond
  in a three- or four-membered ring nor beside a three-membered one, no triple bond in a ring, no double
  bond at a bridgehead; and at most `MAX_RINGS` independent rings.
* `FORBIDDEN_BONDS` and `REACTIVE`: heteroatoms bonded to each other only in aromatic rings, ketoximes and
  acyl hydrazones; no gem-diols, hemiaminals, acyclic acetals, orthoesters; no enols, imidic acids, ynols,
  simple imines; fluorine only on aromatic carbon or three on one carbon.
* Also in `REACTIVE`, as in QM9: nothing that is charged in water (aliphatic amines, amidines, carboxylic
  acids), and carbon-carbon double bonds only in rings.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import combinations

from rdkit import Chem
from rdkit.Chem.rdMolDescriptors import CalcNumBridgeheadAtoms

from tutti.core.progress import Progress

MAX_RINGS = 3
VALENCE = {"N": 3, "O": 2, "F": 1}
RAISED = {Chem.BondType.SINGLE: Chem.BondType.DOUBLE, Chem.BondType.DOUBLE: Chem.BondType.TRIPLE}


def _patterns(*smarts: str) -> list[Chem.Mol]:
    return [Chem.MolFromSmarts(s) for s in smarts]


# What no later step of the growth can repair: molecules that match are not grown any further.
STRAIN = _patterns(
    "*~1~*2~*~*~1~2",  # three-membered rings that share a bond
    "*=*=*",
    "*#*=*",
    "*#@*",
    "[r3]=*",
    "[r3,r4]=,:;@[r3,r4]",
)
FORBIDDEN_BONDS = _patterns(
    "[O,o,F]~[O,o,F]",  # peroxides, hypofluorites
    "F[N,n]",
    "N#N",
    "N=O",
    "[#7,#8;!$(N=C)]-!@[#7,#8;!$(N=C)]",  # hydrazines, hydroxylamines
)

REACTIVE = _patterns(
    "[#7,#8;!$(N=C)]-@[#7,#8;!$(N=C)]",
    "N=N",
    "[#7,#8]-,=[#7,#8]-,=[#7,#8]",
    "C=N-N=C",  # azines
    "C=N-[NX3;!$(N-C=O)]",  # hydrazones without an acyl group
    "[CX3;!H0]=N-!@O",  # aldoximes
    "[nH,o]:[nH]",
    "o:n:n",
    "n:n:n:n:n",
    "[a;r3,r4]",
    "F[!c;!$(C(F)(F)F)]",
    "FC[#7,#8]",
    "[CX4]([#7,#8;!H0])[#7,#8]",  # gem-diols, hemiacetals, hemiaminals, aminals
    "[CX4]([#7,#8])([#7,#8])[#7,#8]",  # orthoesters
    "[CX4;!R]([#7,#8])[#7,#8]",  # acyclic acetals
    "[#7,#8;r3,r4]@[r3,r4][#7,#8]",  # acetals in small rings
    "[#7,#8;!H0;!a]-C=C",  # enols, enamines
    "[OX2H]-C=N",  # imidic acids
    "[#7,#8]-C#C",
    "O-C#N",
    "[NX2;!$(N-[#7,#8])]=[CX3;!$(C-[#7,#8])]",  # imines
    "N=[CX3;!H0]-O-[!$(C=O)]",  # formimidates
    "C(=O)[OX2H]",  # carboxylic, carbonic and carbamic acids
    # basic amines: on sp3 carbon only, and no acceptor (nitrile, two carbonyls) near
    "[NX3;!r3;$(N-[CX4]);!$(N-[#6X3,#6X2,#7,#8]);!$(N-C-C#N);!$(N(-C-C=O)-C-C=O);!$(N1-C-C(=O)-C1)]",
    "[NH;r3]",
    "[NX2]=C-[NX3;!$(N-C=O)]",  # amidines, guanidines
    "C=!@C",
)


def molecules(heavy_atoms: int, elements: Iterable[str] = ("C", "N", "O", "F")) -> list[str]:
    """Canonical SMILES of all molecules of 1 ... `heavy_atoms` heavy atoms, by size and then alphabetically.

    Args:
        heavy_atoms: largest number of heavy atoms.
        elements: heavy elements allowed besides carbon (which may be named too) among N, O, F.

    Raises:
        ValueError: for other elements, or fewer than one heavy atom.
    """
    substitutes = tuple(element for element in elements if element != "C")
    if unknown := set(substitutes) - VALENCE.keys():
        raise ValueError(f"elements {sorted(unknown)} cannot be enumerated; choose among C, N, O, F")
    if heavy_atoms < 1:
        raise ValueError(f"heavy_atoms must be at least 1, not {heavy_atoms}")
    hydrocarbons = _hydrocarbons(heavy_atoms)
    progress = Progress("enumerating molecules", sum(map(len, hydrocarbons)))
    found: list[str] = []
    for parents in hydrocarbons:
        molecules_of_size: set[str] = set()
        for parent in sorted(parents):
            molecules_of_size |= _decorated(parent, substitutes)
            progress.update()
        found += sorted(molecules_of_size)
    progress.close()
    return found


def _hydrocarbons(heavy_atoms: int) -> list[set[str]]:
    """Canonical SMILES of all unstrained hydrocarbons of 1, 2, ... `heavy_atoms` carbons."""
    trees = [{"C"}]
    while len(trees) < heavy_atoms:
        trees.append(_step(trees[-1], _attach))
    return [_grow(_grow(same_size, _close_ring, MAX_RINGS), _raise_bond) for same_size in trees]


Mutation = Callable[[Chem.Mol], Iterator[Chem.RWMol]]


def _grow(start: set[str], mutate: Mutation, steps: int | None = None) -> set[str]:
    """`start` and everything that up to `steps` (without it: any number of) mutations make of it."""
    found, newest = set(start), set(start)
    while newest and steps != 0:
        newest = _step(newest, mutate) - found
        found |= newest
        steps = None if steps is None else steps - 1
    return found


def _step(smiles: set[str], mutate: Mutation) -> set[str]:
    """Canonical SMILES of all unstrained molecules one mutation away. `smiles` themselves are canonical."""
    mutants: set[str] = set()
    for parent in smiles:
        for mutant in mutate(_kekulised(parent)):
            Chem.SanitizeMol(mutant)
            if not _matches(mutant, STRAIN) and not _anti_bredt(mutant):
                mutants.add(Chem.MolToSmiles(mutant))
    return mutants


def _attach(mol: Chem.Mol) -> Iterator[Chem.RWMol]:
    for atom in mol.GetAtoms():
        if atom.GetTotalNumHs():
            mutant = Chem.RWMol(mol)
            mutant.AddBond(atom.GetIdx(), mutant.AddAtom(Chem.Atom("C")), Chem.BondType.SINGLE)
            yield mutant


def _close_ring(mol: Chem.Mol) -> Iterator[Chem.RWMol]:
    free = [atom.GetIdx() for atom in mol.GetAtoms() if atom.GetTotalNumHs()]
    for first, second in combinations(free, 2):
        if mol.GetBondBetweenAtoms(first, second) is None:
            mutant = Chem.RWMol(mol)
            mutant.AddBond(first, second, Chem.BondType.SINGLE)
            yield mutant


def _raise_bond(mol: Chem.Mol) -> Iterator[Chem.RWMol]:
    for bond in mol.GetBonds():
        free = bond.GetBeginAtom().GetTotalNumHs() and bond.GetEndAtom().GetTotalNumHs()
        if free and bond.GetBondType() in RAISED:
            mutant = Chem.RWMol(mol)
            mutant.GetBondWithIdx(bond.GetIdx()).SetBondType(RAISED[bond.GetBondType()])
            yield mutant


def _decorated(hydrocarbon: str, elements: Sequence[str]) -> set[str]:
    """Canonical SMILES of all stable molecules made by replacing any carbons of `hydrocarbon`."""
    mol = _kekulised(hydrocarbon)
    bonds = [atom.GetTotalValence() - atom.GetTotalNumHs() for atom in mol.GetAtoms()]
    choices = [[element for element in elements if n <= VALENCE[element]] for n in bonds]
    stable = (mol for mol in _replace_carbons(mol, choices, 0) if not _matches(mol, REACTIVE))
    return {Chem.MolToSmiles(mol) for mol in stable}


def _replace_carbons(kekulised: Chem.Mol, choices: Sequence[Sequence[str]], first: int) -> Iterator[Chem.Mol]:
    """Every replacement among the atoms from `first` on, sanitised, once per labelling."""
    mol = Chem.Mol(kekulised)
    Chem.SanitizeMol(mol)
    if _matches(mol, FORBIDDEN_BONDS):
        return
    yield mol
    for i in range(first, len(choices)):
        for element in choices[i]:
            mutant = Chem.RWMol(kekulised)
            mutant.ReplaceAtom(i, Chem.Atom(element))
            yield from _replace_carbons(mutant, choices, i + 1)


def _kekulised(smiles: str) -> Chem.Mol:
    mol = Chem.MolFromSmiles(smiles)
    Chem.Kekulize(mol, clearAromaticFlags=True)
    return mol


def _matches(mol: Chem.Mol, patterns: Sequence[Chem.Mol]) -> bool:
    return any(mol.HasSubstructMatch(pattern) for pattern in patterns)


def _anti_bredt(mol: Chem.Mol) -> bool:
    bridgeheads: list[int] = []
    CalcNumBridgeheadAtoms(mol, bridgeheads)
    bonds = (bond for i in bridgeheads for bond in mol.GetAtomWithIdx(i).GetBonds())
    return any(bond.GetBondType() != Chem.BondType.SINGLE for bond in bonds)
