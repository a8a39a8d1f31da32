"""Folders as people have them: with subfolders, links, and much beside the samples."""

import os
import re
import warnings

import numpy as np
import pytest

from tutti import io
from tutti.io import FormatError
from tutti.io.samples import read_samples

HE = "1\n\nHe 1 2 3\n"


def fill(folder, *names, text=HE):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def files(structures) -> list[str]:
    return structures.columns["file"].tolist()


@pytest.fixture(autouse=True)
def no_warning():
    """Nothing is warned of but what a test expects."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def test_subfolders_in_natural_order_of_their_paths(tmp_path):
    fill(tmp_path, "run10/m1.xyz", "run2/m10.xyz", "run2/m9.xyz", "run2/deep/a/x.xyz", "m3.xyz", "run9.xyz")
    order = ["m3.xyz", "run2/deep/a/x.xyz", "run2/m9.xyz", "run2/m10.xyz", "run9.xyz", "run10/m1.xyz"]
    found = read_samples([tmp_path])
    assert files(found) == order and set(found.columns["unreadable"]) == {""}
    assert len(io.read(tmp_path)) == 6
    (tmp_path / "run10").rename(tmp_path / "run11")
    assert read_samples([tmp_path]).source != found.source


def test_reasons_name_the_place_below_the_folder(tmp_path):
    fill(tmp_path, "a/x.xyz", "b/x.xyz")
    fill(tmp_path, "b/y.xyz", text="1\n\nQ 0 0 0\n")
    reasons = read_samples([tmp_path]).columns["unreadable"].tolist()
    assert reasons == ["", "", "b/y.xyz:3: expected a chemical element, found 'Q'"]


def test_hidden_files_and_folders_are_skipped(tmp_path):
    fill(tmp_path, "a.xyz", ".b.xyz", ".git/c.xyz", "d/.e.xyz", ".f")
    assert files(read_samples([tmp_path])) == ["a.xyz"]


def test_links_in_a_circle_end_and_each_folder_is_entered_once(tmp_path):
    fill(tmp_path, "in/a/x.xyz", "elsewhere/y.xyz")
    (tmp_path / "in" / "a" / "up").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "a" / "self").symlink_to(".")
    (tmp_path / "in" / "b").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in" / "c").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in" / "to_itself").symlink_to("to_itself")
    (tmp_path / "in" / "broken.xyz").symlink_to("absent.xyz")
    os.mkfifo(tmp_path / "in" / "pipe.xyz")
    expected = r"3 files of other kinds are not read: broken.xyz, pipe.xyz, to_itself$"
    with pytest.warns(UserWarning, match=expected):
        found = read_samples([tmp_path / "in"])
    assert files(found) == ["a/x.xyz", "b/y.xyz"]


def test_one_warning_names_five_of_what_is_not_read(tmp_path):
    fill(
        tmp_path,
        "a.xyz",
        *(f"log{i}.md" for i in (1, 2, 10)),
        "table.csv",
        "sub/samples.pkl",
        "sub/z.png",
        "zz",
    )
    named = "log1.md, log2.md, log10.md, sub/samples.pkl, sub/z.png and 2 more"
    for read in (io.read, lambda path: read_samples([path])):
        with pytest.warns(UserWarning) as caught:
            read(tmp_path)
        assert [str(each.message) for each in caught] == [
            f"{tmp_path}: 7 files of other kinds are not read: {named}"
        ]


def test_a_folder_of_other_kinds_says_why_the_first_is_not_read(tmp_path):
    fill(tmp_path, "gen.mol_dict", "log.md")
    with pytest.raises(FormatError, match=r": gen.mol_dict, the first of 2: .*found a pickle, which can run"):
        io.read(tmp_path)
    fill(tmp_path, "gen.md")
    (tmp_path / "gen.mol_dict").unlink()
    with pytest.raises(FormatError, match=r": gen.md, the first of 2: .*found '.md'$"):
        read_samples([tmp_path])


def test_text_files_are_read_if_they_are_xyz(tmp_path):
    fill(tmp_path, "molecule_010.txt", "molecule_009.txt")
    fill(tmp_path, "molecule_011.txt", text="2\n\nHe 0 0 0\n")
    fill(tmp_path, "molecule_012.TXT", text="0\n\n")
    fill(tmp_path, "log.txt", text="Epoch 1\n2\n\nH 0 0 0\n")
    fill(tmp_path, "number.txt", text="1000\n")
    fill(tmp_path, "numbers.txt", text="3\n1\n4\n1\n")
    fill(tmp_path, "empty.txt", text="")
    with pytest.warns(UserWarning, match=r"4 files .* empty.txt, log.txt, number.txt, numbers.txt$"):
        found = read_samples([tmp_path])
    assert files(found) == ["molecule_009.txt", "molecule_010.txt", "molecule_011.txt", "molecule_012.TXT"]
    assert found.n_atoms.tolist() == [1, 1, 0, 0]
    assert [bool(reason) for reason in found.columns["unreadable"]] == [False, False, True, False]
    with pytest.raises(FormatError, match=r"log.txt: expected xyz: the number of atoms.*found other text"):
        io.read(tmp_path / "log.txt")
    np.testing.assert_array_equal(io.read(tmp_path / "molecule_009.txt").positions, [[1, 2, 3]])


def test_archives_without_molecules_beside_samples_are_no_samples(tmp_path):
    fill(tmp_path, "a.xyz")
    np.savez(tmp_path / "losses.npz", train=np.zeros(3))
    with pytest.warns(UserWarning, match=r"1 file of another kind is not read: losses.npz$"):
        assert files(read_samples([tmp_path])) == ["a.xyz"]
    (tmp_path / "a.xyz").unlink()
    with pytest.raises(FormatError, match=r"losses.npz: expected an array of positions .* found only train$"):
        read_samples([tmp_path])


def test_the_table_beside_geometries_is_read_with_them(tmp_path):
    record = (
        "gdb_1\n\n\n  1  0  0  0  0  0  0  0  0  0999 V2000\n"
        + "    0.0000    0.0000    0.0000 He  0\nM  END\n$$$$\n"
    )
    fill(tmp_path, "gdb9.sdf", text=record)
    fill(tmp_path, "gdb9.sdf.csv", text="mol_id,A\ngdb_1,1\n")
    with pytest.raises(FormatError, match=re.escape("gdb9.sdf.csv:1: expected the columns")):
        io.read(tmp_path)
