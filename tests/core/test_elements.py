import pytest

from tutti.core.elements import NUMBERS, SYMBOLS, number, symbol


def test_symbols_and_numbers_are_inverse():
    assert len(NUMBERS) == 118
    assert all(number(symbol(z)) == z for z in range(1, 119))
    assert (SYMBOLS[1], SYMBOLS[6], SYMBOLS[118]) == ("H", "C", "Og")


@pytest.mark.parametrize(("text", "z"), [("Cl", 17), ("CL", 17), ("cl", 17), ("17", 17), ("c", 6)])
def test_spellings(text, z):
    assert number(text) == z


@pytest.mark.parametrize("text", ["X", "0", "119", "Xx", "C1", "", "-1", "6.0", "cL"])
def test_what_is_no_element(text):
    with pytest.raises(KeyError):
        number(text)


@pytest.mark.parametrize("z", [0, -1, 119])
def test_what_is_no_atomic_number(z):
    with pytest.raises(KeyError):
        symbol(z)
