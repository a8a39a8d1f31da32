"""Charges that Tripos' atom types tell: by chemistry, by hand, and against RDKit's reader."""

import pytest
from rdkit import Chem
from rdkit.Chem import AllChem

from tutti.io import tripos
from tutti.io.samples import read_samples


@pytest.mark.parametrize(
    ("smiles", "centre", "double"),
    [
        ("CC(=O)[O-]", "C.2", 1),
        ("COP(=O)([O-])[O-]", "P.3", 1),
        ("COP(=O)([O-])OC", "P.3", 1),
        ("CS(=O)(=O)[O-]", "S.O2", 2),
        ("CS(=O)[O-]", "S.O", 1),
        ("COS(=O)(=O)[O-]", "S.O2", 2),
    ],
)
def test_acids_drawn_with_aromatic_bonds_are_those_of_chemistry(smiles, centre, double):
    """The total charge and the number of double bonds are those of the molecule itself."""
    molecule = Chem.MolFromSmiles(smiles)
    types, ends = [], []
    for atom in molecule.GetAtoms():
        acid = atom.GetSymbol() == "O" and atom.GetDegree() == 1
        types.append("O.co2" if acid else "O.3" if atom.GetSymbol() == "O" else "C.3")
    for bond in molecule.GetBonds():
        first, second = sorted((bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()))
        acid = "O.co2" in (types[first], types[second])
        ends.append((first, second, 1.5 if acid else 1.0))
        if acid:
            types[first if types[second] == "O.co2" else second] = centre
    bonds, charges = tripos.charged(types, ends, None)
    assert [order for *_, order in bonds].count(2.0) == double
    assert sum(charges) == Chem.GetFormalCharge(molecule)
    assert 1.5 not in {order for *_, order in bonds}


def corina(molecule: Chem.Mol) -> str:
    """A molecule with all its hydrogens as Corina writes it: no charges, aromatic bonds in ionic groups."""
    for query, kinds in GROUPS.items():
        for match in molecule.GetSubstructMatches(Chem.MolFromSmarts(query)):
            for place, kind in zip(match, kinds, strict=True):
                molecule.GetAtomWithIdx(place).SetProp("type", kind)
    kinds = [a.GetProp("type") if a.HasProp("type") else PLAIN[a.GetSymbol()] for a in molecule.GetAtoms()]
    positions = molecule.GetConformer().GetPositions()
    atoms = [
        f"{i} {kind[0]}{i} {x:.4f} {y:.4f} {z:.4f} {kind}"
        for i, (kind, (x, y, z)) in enumerate(zip(kinds, positions, strict=True), 1)
    ]
    bonds = []
    for i, bond in enumerate(molecule.GetBonds(), 1):
        ends = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        pair = {kinds[end] for end in ends}
        delocalised = "O.co2" in pair or pair == {"C.cat", "N.pl3"}
        order = "ar" if delocalised else int(bond.GetBondTypeAsDouble())
        bonds.append(f"{i} {ends[0] + 1} {ends[1] + 1} {order}")
    head = ["@<TRIPOS>MOLECULE", "NoName", f"{len(atoms)} {len(bonds)} 0 0 0", "SMALL", "NO_CHARGES", "", ""]
    return "\n".join([*head, "@<TRIPOS>ATOM", *atoms, "@<TRIPOS>BOND", *bonds, "", "# End of record", ""])


def plain(molecule: Chem.Mol) -> str:
    return Chem.MolToSmiles(Chem.RemoveHs(molecule), isomericSmiles=False)


GROUPS = {
    "[CX3](=O)[O-]": ("C.2", "O.co2", "O.co2"),
    "S(=O)(=O)[O-]": ("S.o2", "O.co2", "O.co2", "O.co2"),
    "[NX4+]": ("N.4",),
    "[CX3](N)=[N+]": ("C.cat", "N.pl3", "N.pl3"),
}
PLAIN = {"H": "H", "C": "C.3", "N": "N.3", "O": "O.3", "S": "S.3"}


@pytest.mark.parametrize(
    "smiles",
    [
        "CC(=O)[O-]",
        "CS(=O)(=O)[O-]",
        "C[NH3+]",
        "NC(N)=[NH2+]",
        "CC(N)=[NH2+]",
        "[NH3+]CC(=O)[O-]",
        "[NH3+]C(CCCNC(N)=[NH2+])C(=O)[O-]",
        "CNC(N)=[NH2+]",
    ],
)
def test_types_are_read_as_rdkit_reads_them(tmp_path, smiles):
    molecule = Chem.AddHs(Chem.MolFromSmiles(smiles))
    AllChem.EmbedMolecule(molecule, randomSeed=1)
    text = corina(molecule)
    assert " ar\n" in text or "N.4" in text
    theirs = Chem.MolFromMol2Block(text, removeHs=True)
    assert plain(theirs) == plain(molecule)
    (tmp_path / "x.mol2").write_text(text)
    found = read_samples([tmp_path / "x.mol2"])
    atoms, orders, charges = found.bonds(0)
    ours = Chem.RWMol()
    for number, charge in zip(found.numbers.tolist(), charges.tolist(), strict=True):
        atom = Chem.Atom(number)
        atom.SetFormalCharge(charge)
        ours.AddAtom(atom)
    for ends, order in zip(atoms.tolist(), orders, strict=True):
        ours.AddBond(*ends, Chem.BondType.values[int(order)])
    assert plain(ours) == plain(theirs)
    assert found.columns["charge"].tolist() == [Chem.GetFormalCharge(theirs)]


def test_a_nitrogen_between_two_guanidinium_groups_has_one_double_bond_at_most():
    types = ["C.cat", "N.pl3", "N.pl3", "C.cat", "N.pl3", "H"]
    ends = [(0, 1, 1.5), (0, 2, 1.5), (1, 3, 1.5), (3, 4, 1.5), (1, 5, 1.0)]
    bonds, charges = tripos.charged(types, ends, None)
    assert [order for *_, order in bonds] == [1, 2, 1, 2, 1] and charges == [0, 0, 1, 0, 1, 0]
    bonds, charges = tripos.charged(types, [ends[0], *ends[2:]], None)  # the first has no other
    assert [order for *_, order in bonds] == [2, 1, 2, 1] and charges == [0, 1, 0, 0, 1, 0]


def test_other_aromatic_bonds_stay():
    types = ["C.ar"] * 5 + ["N.ar"]
    ring = [(i, i + 1, 1.5) for i in range(5)] + [(0, 5, 1.5)]
    assert tripos.charged(types, ring, None) == (ring, [0] * 6)
