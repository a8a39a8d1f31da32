import numpy as np
import pytest

from tutti.core.columns import Untyped, columns, is_text


def column(*values: object) -> np.ndarray | None:
    return columns([{"x": value} for value in values]).get("x")


def untyped(*values: str) -> np.ndarray:
    array = column(*map(Untyped, values))
    assert array is not None
    return array


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        (["1", "-2"], np.int64, [1, -2]),
        (["1", "2.5"], np.float64, [1.0, 2.5]),
        (["1", "1.0D-3"], np.float64, [1.0, 1e-3]),
        (["nan", "-inf"], np.float64, [np.nan, -np.inf]),
        (["T", "False"], np.bool_, [True, False]),
        (["T", "1"], np.str_, ["T", "1"]),
        (["F", "C"], np.str_, ["F", "C"]),
        (["0001", "0002"], np.str_, ["0001", "0002"]),
        (["99999999999999999999"], np.str_, ["99999999999999999999"]),
        (["1_000"], np.str_, ["1_000"]),
        (["1 2", "3 4"], np.int64, [[1, 2], [3, 4]]),
        (["[1.5, 2]", "[3, 4]"], np.float64, [[1.5, 2], [3, 4]]),
        (["T F", "F F"], np.bool_, [[True, False], [False, False]]),
        (["1 2", "3"], np.str_, ["1 2", "3"]),
        (["[NH4+]", "C"], np.str_, ["[NH4+]", "C"]),
        (["", "1"], np.str_, ["", "1"]),
    ],
)
def test_untyped_values_are_what_all_of_them_can_be(values, dtype, expected):
    array = untyped(*values)
    assert array.dtype.type is dtype
    np.testing.assert_array_equal(array, expected)


def test_text_that_says_so_stays_text():
    assert column("1", "2").tolist() == ["1", "2"]
    assert column("1", Untyped("2")).tolist() == ["1", "2"]


def test_only_what_all_records_have_with_one_type():
    records = [{"a": 1, "b": 1, "c": 1, "d": [1, 2]}, {"a": 2.5, "b": "x", "d": [3, 4]}]
    found = columns(records)
    assert sorted(found) == ["a", "d"]
    assert found["a"].tolist() == [1.0, 2.5] and found["d"].shape == (2, 2)
    assert column(True, 1) is None and column([1], [1, 2]) is None and column({}, {}) is None
    assert columns([]) == {}


@pytest.mark.parametrize("text", ["1", "T", "nan", "1 2", "1e5", "", "_JSON x"])
def test_text_that_looks_like_something_else(text):
    assert not is_text(text)


@pytest.mark.parametrize("text", ["CC", "gdb_1", "0001", "a b", "1 x"])
def test_text_that_looks_like_text(text):
    assert is_text(text)
