"""Files of torch.save: lists and dictionaries of tensors, and nothing that has to be unpickled."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch

from tutti import io
from tutti.io import FormatError
from tutti.io.samples import read_samples

WATER = torch.tensor([8, 1, 1])
X = torch.tensor(np.random.default_rng(0).normal(size=(3, 3, 3)))


def loaded(tmp_path, content, suffix=".pt"):
    torch.save(content, tmp_path / f"x{suffix}")
    return read_samples([tmp_path / f"x{suffix}"])


@pytest.mark.parametrize(
    "content",
    [
        [{"positions": X[0], "numbers": WATER}, {"pos": X[1, :2], "z": WATER[1:]}],
        ({"positions": X[:1], "numbers": WATER}, {"positions": X[1:2, :2], "numbers": WATER[1:]}),
        {"positions": [X[0], X[1, :2]], "numbers": [WATER, WATER[1:]]},
        {"positions": [X[0].tolist(), X[1, :2].tolist()], "symbols": [["O", "H", "H"], ["H", "H"]]},
        {
            "positions": [X[0], X[1, :2]],
            "one_hot": [torch.eye(2)[[0, 1, 1]], torch.eye(2)[[1, 1]]],
            "elements": ["O", "H"],
        },
        {
            3: {"_positions": X[:1], "_atomic_numbers": WATER[None]},
            2: {"_positions": X[1:2, :2], "_atomic_numbers": WATER[None, 1:]},
        },
    ],
    ids=["list", "batches", "ragged", "plain lists", "one-hot", "G-SchNet"],
)
def test_molecules_of_different_size(tmp_path, content):
    found = loaded(tmp_path, content)
    assert found.n_atoms.tolist() == [3, 2] and found.numbers.tolist() == [8, 1, 1, 1, 1]
    np.testing.assert_array_equal(found.positions, torch.cat([X[0], X[1, :2]]).numpy())
    assert found.columns["frame"].tolist() == [0, 1]
    again = io.read(tmp_path / "x.pt", units={"length": "Å"})
    np.testing.assert_array_equal(again.positions, found.positions)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float32])
def test_kinds_of_tensors(tmp_path, kind):
    positions = X.to(kind).requires_grad_()
    found = loaded(tmp_path, {"positions": positions, "numbers": WATER}, ".pth")
    np.testing.assert_array_equal(found.positions, positions.detach().double().numpy().reshape(-1, 3))


class Bomb:
    """Ends the test when it is unpickled."""

    def __reduce__(self):
        return (sys.exit, ("unpickled",))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([Bomb()], r"found an object of sys.exit; save tensors"),
        (torch.nn.Linear(1, 1), r"found an object of torch.nn.modules.linear.Linear; save tensors"),
        (
            {3: {"_positions": X.numpy(), "_atomic_numbers": WATER.numpy()}},
            r"found an object of numpy\S*_reconstruct;",
        ),
        (torch.nn.Linear(1, 1).state_dict(), r"expected an array of positions .* found only bias, weight$"),
        (X, r"expected a dictionary of arrays by name, or a list of them, found a Tensor"),
        (
            {"positions": [X[0], X[1]], "numbers": [WATER]},
            r"expected 2 entries in 'numbers', as in positions, found 1",
        ),
        ({"positions": X, "numbers": None}, r"expected numbers or text in 'numbers', found a NoneType"),
        ({"positions": [[0, 0], [1]], "numbers": [[1], [1]]}, r"x.pt: expected "),
    ],
)
def test_what_is_refused(tmp_path, content, message):
    with pytest.raises(FormatError, match=message) as caught:
        loaded(tmp_path, content)
    assert "\n" not in str(caught.value)


def test_files_that_torch_has_not_written(tmp_path):
    torch.save({"positions": X, "numbers": WATER}, tmp_path / "whole.pt")
    whole = (tmp_path / "whole.pt").read_bytes()
    contents = {
        "cut": whole[: len(whole) // 2],
        "empty": b"",
        "text": b"hello\n",
        "pickle": pickle.dumps(Bomb()),
    }
    for name, content in contents.items():
        (tmp_path / f"{name}.pt").write_bytes(content)
        with pytest.raises(FormatError, match=f"{name}.pt: expected plain tensors by name"):
            io.read(tmp_path / f"{name}.pt")


def test_units_have_to_be_given(tmp_path):
    torch.save({"positions": X, "numbers": WATER, "energy": torch.ones(3)}, tmp_path / "x.pt")
    with pytest.raises(FormatError, match="found no unit of length and energy"):
        io.read(tmp_path / "x.pt")
    found = io.read(tmp_path / "x.pt", units={"length": "nm", "energy": "eV"})
    np.testing.assert_allclose(found.positions, 10 * X.reshape(-1, 3).numpy())


def test_cells_and_charges_of_molecules_and_batches(tmp_path):
    cell = torch.tensor([[5.0, 0, 0], [1, 6, 0], [0, 0, 7]])
    one = {"positions": X[0], "numbers": WATER, "cell": cell, "pbc": torch.tensor([True, True, False])}
    batch = {"positions": X, "numbers": WATER, "lattice": cell.expand(3, 3, 3)}
    for content, count in ((one, 1), ([one, one], 2), (batch, 3)):
        torch.save(content, tmp_path / "x.pt")
        found = io.read(tmp_path / "x.pt", units={"length": "Å"})
        assert found.cell.tolist() == [cell.tolist()] * count
        assert found.pbc.tolist() == [[True, True, count == 3]] * count
    torch.save(one | {"Q": torch.tensor(-1)}, tmp_path / "x.pt")
    assert io.read(tmp_path / "x.pt", units={"length": "Å"}).columns["charge"].tolist() == [-1]
    torch.save(one | {"Q": torch.zeros(3), "scale": 2.0}, tmp_path / "x.pt")
    with pytest.warns(UserWarning, match=r"x.pt: 1 array is not read: Q$"):
        assert not io.read(tmp_path / "x.pt", units={"length": "Å"}).columns


def test_other_formats_are_read_without_torch(tmp_path):
    (tmp_path / "x.xyz").write_text("1\n\nHe 0 0 0\n")
    np.savez(tmp_path / "y.npz", positions=X.numpy(), numbers=WATER.numpy())
    code = (
        f"import sys; from tutti.io.samples import read_samples; read_samples([{str(tmp_path)!r}])"
        "; sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
