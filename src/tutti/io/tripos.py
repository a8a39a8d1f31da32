"""What Tripos' atom types say of formal charges, and the bonds that go with these."""

from collections.abc import Mapping, Sequence

Bond = tuple[int, int, float]


def charged(
    types: Sequence[str], bonds: Sequence[Bond], said: Mapping[int, int] | None
) -> tuple[list[Bond], list[int]]:
    """Bonds without the aromatic ones to carboxylates and guanidinium groups, and formal charges.

    The format draws these groups with aromatic bonds. Of the oxygens of a carboxylate, phosphate or sulfonate
    one (two of a sulfonate) get a double bond, the others are [O-]; of the nitrogens of a guanidinium or
    amidinium group that with the most hydrogens gets the double bond and is [N+].

    Args:
        types: of n atoms.
        bonds: the lower atom first.
        said: formal charges by atom, where the file says them; None: the types tell. These are N.4 ([N+]),
            O.co2 ([O-] where it has nothing but a single bond) and C.cat (whose double bond goes to [N+]). No
            type tells the N of a pyridinium ion from that of pyridone.

    Returns:
        The bonds in their order, and the charges [n].
    """
    orders = {(first, second): order for first, second, order in bonds}
    neighbours: list[list[int]] = [[] for _ in types]
    for first, second in orders:
        neighbours[first].append(second)
        neighbours[second].append(first)
    charges = [1 if kind == "N.4" else 0 for kind in types]
    for centre, around in enumerate(neighbours):
        oxygens = [i for i in around if types[i] == "O.co2" and len(neighbours[i]) == 1]
        _localise(orders, centre, oxygens, _double_oxygens(types[centre], oxygens, said))
        for i in oxygens:
            charges[i] = -1 if orders[_key(centre, i)] == 1 else 0
        if types[centre] == "C.cat":
            nitrogens = [i for i in around if types[i].startswith("N.") and types[i] != "N.ar"]
            beside = {i: [types[j] for j in neighbours[i]] for i in nitrogens}
            _localise(orders, centre, nitrogens, _double_nitrogens(beside, said))
            for i in nitrogens:
                if orders[_key(centre, i)] == 2:
                    charges[i] = 1
    if said is not None:
        charges = [said.get(i, 0) for i in range(len(types))]
    return [(*atoms, order) for atoms, order in orders.items()], charges


def _double_oxygens(centre: str, oxygens: Sequence[int], said: Mapping[int, int] | None) -> list[int]:
    if said is not None:
        return [i for i in oxygens if said.get(i, 0) == 0]
    return list(oxygens[: min(2, len(oxygens) - 1) if centre.startswith("S.") else 1])


def _double_nitrogens(beside: Mapping[int, Sequence[str]], said: Mapping[int, int] | None) -> list[int]:
    """The one with the charge, or with the most hydrogens; where possible none between two C.cat."""
    charged = [i for i in beside if said and said.get(i, 0) > 0]
    return (charged or sorted(beside, key=lambda i: (beside[i].count("C.cat"), -beside[i].count("H"))))[:1]


def _localise(
    orders: dict[tuple[int, int], float], centre: int, ends: Sequence[int], double: Sequence[int]
) -> None:
    """Make the aromatic bonds from a centre to these ends single, or double where they are in `double`."""
    for i in ends:
        if orders[_key(centre, i)] == 1.5:
            orders[_key(centre, i)] = 2.0 if i in double else 1.0


def _key(first: int, second: int) -> tuple[int, int]:
    return min(first, second), max(first, second)
