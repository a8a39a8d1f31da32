"""Chemical symbols and atomic numbers, 1 to 118."""

from ase.data import chemical_symbols

SYMBOLS: tuple[str, ...] = tuple(chemical_symbols[:119])
"""Symbol by atomic number; SYMBOLS[0] is "X", which no real atom has."""

NUMBERS: dict[str, int] = {symbol: z for z, symbol in enumerate(SYMBOLS) if z}
"""Atomic number by symbol in its usual spelling."""

HYDROGEN = NUMBERS["H"]

_SPELLINGS = {
    spelling: z
    for symbol, z in NUMBERS.items()
    for spelling in (symbol, symbol.upper(), symbol.lower(), str(z))
}


def number(text: str) -> int:
    """Atomic number of a symbol in any case (`Cl`, `CL`, `cl`) or of a number written as text (`17`).

    Raises:
        KeyError: when no element is written so.
    """
    return _SPELLINGS[text]


def symbol(z: int) -> str:
    """Symbol of the element with atomic number `z`.

    Raises:
        KeyError: when `z` is not in 1 ... 118.
    """
    if not 1 <= z < len(SYMBOLS):
        raise KeyError(z)
    return SYMBOLS[z]
