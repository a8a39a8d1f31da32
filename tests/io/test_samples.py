"""Reading of anybody's samples: what is broken costs itself only, and says so."""

import gzip
import tracemalloc

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule
from ase.db import connect

from tutti import io
from tutti.core.randomness import numpy_generator
from tutti.core.structures import Structures
from tutti.io import FormatError, extxyz
from tutti.io.samples import read_samples, require_one

H2 = "2\n{}\nH 0 0 0\nH 0 0 0.74\n"
HE = "1\n{}\nHe 1 2 3\n"
BROKEN = "1\n{}\nQ 0 0 0\n"


def read_text(folder, *texts) -> Structures:
    """The texts as one file each, a.xyz and so on, in one folder."""
    for name, text in zip("abcdef", texts, strict=False):
        (folder / f"{name}.xyz").write_text(text)
    return read_samples([folder])


def columns(structures, name) -> list:
    return structures.columns[name].tolist()


def test_equal_to_the_strict_reader_on_real_files(shared_data):
    for name in ("qm7.extxyz.gz", "ethanol_pbe/train.xyz", "qm9_first339.xyz", "water_rpbe_d3.input.data"):
        strict, found = io.read(shared_data / name), read_samples([shared_data / name])
        np.testing.assert_array_equal(found.n_atoms, strict.n_atoms)
        np.testing.assert_array_equal(found.numbers, strict.numbers)
        np.testing.assert_array_equal(found.positions, strict.positions)
        assert set(columns(found, "unreadable")) == {""}
        assert columns(found, "frame") == list(range(len(strict)))
        assert found.source == strict.source
        assert found.columns.keys() - {"charge"} == {"id", "file", "frame", "unreadable"}
        assert ("charge" in found.columns) == ("charge" in strict.columns) == name.endswith(".data")
        assert found.n_bonds is None
        assert found.energy is None and found.forces is None and found.cell is None and found.pbc is None


def test_place_and_reason_of_every_sample(tmp_path):
    found = read_text(tmp_path, HE + BROKEN + H2, BROKEN, "", H2)
    assert found.n_atoms.tolist() == [1, 0, 2, 0, 0, 2]
    assert columns(found, "file") == ["a.xyz"] * 3 + ["b.xyz", "c.xyz", "d.xyz"]
    assert columns(found, "frame") == [0, 1, 2, 0, 0, 0]
    assert columns(found, "id") == [f"s00000{i}" for i in range(6)]
    assert columns(found, "unreadable") == [
        "",
        "a.xyz:6: expected a chemical element, found 'Q'",
        "",
        "b.xyz:3: expected a chemical element, found 'Q'",
        "c.xyz:1: expected a structure, found the end of the file",
        "",
    ]


def test_files_and_folders_in_the_order_given(tmp_path):
    (tmp_path / "folder" / "below").mkdir(parents=True)
    for name in (
        "folder/s10.xyz",
        "folder/s9.extxyz",
        "folder/S1.XYZ",
        "folder/below/s2.xyz",
        "z.xyz",
        "a.xyz",
    ):
        (tmp_path / name).write_text(HE)
    (tmp_path / "folder" / "notes.txt").write_text("not a sample")
    with gzip.open(tmp_path / "folder" / "s10.xyz.gz", "wt") as file:
        file.write(HE)
    with pytest.warns(UserWarning, match=r"folder: 1 file of another kind is not read: notes.txt$"):
        found = read_samples([tmp_path / "z.xyz", str(tmp_path / "folder"), tmp_path / "a.xyz"])
    order = ["z.xyz", "S1.XYZ", "below/s2.xyz", "s9.extxyz", "s10.xyz", "s10.xyz.gz", "a.xyz"]
    assert columns(found, "file") == order
    assert found.source.count(" + ") == 2


def test_one_argument_that_is_no_file_of_samples_among_others(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "x.md").write_text("ATOM")
    (tmp_path / "x.xyz").write_text(HE)
    found = read_samples([tmp_path / "empty", tmp_path / "x.md", tmp_path / "x.xyz"])
    assert found.n_atoms.tolist() == [0, 0, 1]
    reasons = columns(found, "unreadable")
    assert reasons[0].startswith("empty: expected files named *.xyz")
    assert reasons[1].startswith("x.md: expected a file named *.xyz")
    with pytest.raises(FileNotFoundError, match="absent"):
        read_samples([tmp_path / "x.xyz", tmp_path / "absent.xyz"])
    with pytest.raises(ValueError, match="no files"):
        read_samples([])


def test_nothing_readable_is_the_first_error(tmp_path):
    with pytest.raises(FormatError, match=r"a.xyz:3: expected a chemical element, found 'Q'"):
        read_text(tmp_path, BROKEN, "")


def test_own_ids_if_they_are_unique(tmp_path):
    frame = "1\nid={}\nHe 0 0 0\n"
    one = frame.format("x1") + BROKEN.format("id=x2") + frame.format("0007")
    assert columns(read_text(tmp_path, one), "id") == ["x1", "s000001", "0007"]
    assert columns(read_text(tmp_path, one, frame.format("y")), "id")[-1] == "y"
    assert columns(read_text(tmp_path, one, frame.format("x1")), "id")[-1] == "s000003"
    assert columns(read_text(tmp_path, one, HE), "id")[-1] == "s000003"
    assert columns(read_text(tmp_path, one, frame.format("s000001")), "id")[-1] == "s000003"


def test_finished_if_all_readable_frames_have_it(tmp_path):
    frame = "1\nfinished={} energy=1 step=3\nHe 0 0 0\n"
    text = frame.format("T") + BROKEN.format("finished=T") + frame.format("F")
    found = read_text(tmp_path, text)
    assert columns(found, "finished") == [True, False, False]
    assert found.columns["finished"].dtype == bool
    assert "step" not in found.columns and found.energy is None
    assert "finished" not in read_text(tmp_path, text, HE).columns
    assert "finished" not in read_text(tmp_path, text, frame.format("3")).columns


def test_charges_that_are_said(tmp_path):
    texts = [
        HE,
        H2.format("charge=1"),
        HE.format('total_charge="-2.0"'),
        H2.format("charge=+1 total_charge=1"),
    ]
    found = read_text(tmp_path, "".join(texts))
    assert columns(found, "charge") == [0, 1, -2, 1] and found.columns["charge"].dtype == np.int64
    assert columns(read_samples([tmp_path], charge=3), "charge") == [3, 1, -2, 1]
    (tmp_path / "a.xyz").write_text(HE)
    assert "charge" not in read_samples([tmp_path]).columns
    assert columns(read_samples([tmp_path], charge=1), "charge") == [1]


@pytest.mark.parametrize(
    "comment",
    [
        *("charge=0.5", "charge=nan", "charge=none", 'charge="1 0"', "charge=9", "charge=-1e300"),
        "charge=1 total_charge=0",
    ],
)
def test_a_charge_that_is_none_is_an_error_of_that_sample(tmp_path, comment):
    found = read_text(tmp_path, HE + H2.format(comment) + H2.format("charge=1"))
    assert found.n_atoms.tolist() == [1, 0, 2] and columns(found, "charge") == [0, 0, 1]
    assert columns(found, "unreadable")[1].startswith("a.xyz:5: expected ")
    assert columns(found, "unreadable")[::2] == ["", ""]


def test_charges_in_archives(tmp_path):
    own = Structures.from_frames([([2], np.zeros((1, 3)))] * 3)
    for name, charges in (("a", [1, -1, 0]), ("b", [1.0, 0.5, 0.0])):
        own.with_columns(charge=np.array(charges)).save(tmp_path / f"{name}.npz")
    found = read_samples([tmp_path / "a.npz", tmp_path / "b.npz"])
    assert columns(found, "charge") == [1, -1, 0, 1, 0, 0]
    assert [bool(text) for text in columns(found, "unreadable")] == [False] * 4 + [True, False]
    assert columns(found, "unreadable")[4].startswith("b.npz: structure 1: expected one total charge")


def test_archives_of_this_package_keep_ids_and_finished(tmp_path):
    own = Structures.from_frames(
        [([1, 1], [[0, 0, 0], [0, 0, np.nan]]), ([2], [[np.inf, 0, 0]])],
        energy=np.zeros(2),
        columns={"id": np.array([3, 7]), "finished": np.array([True, False]), "gap": np.ones(2)},
    )
    own.save(tmp_path / "own.npz")
    extxyz.write(tmp_path / "own.xyz", own)
    for name in ("own.npz", "own.xyz"):
        found = read_samples([tmp_path / name])
        np.testing.assert_array_equal(found.positions, own.positions)
        assert columns(found, "id") == ["3", "7"] and columns(found, "finished") == [True, False]
        assert found.energy is None and "gap" not in found.columns


@pytest.mark.parametrize(
    "change",
    [
        {"n_atoms": np.array([3.0])},
        {"n_atoms": np.array([4, -1])},
        {"numbers": np.array(["H"] * 3)},
        {"positions": np.full((3, 3), "0")},
    ],
)
def test_archives_that_hold_something_else(tmp_path, change):
    arrays = {"n_atoms": np.array([3]), "numbers": np.ones(3, np.uint8), "positions": np.zeros((3, 3))}
    np.savez(tmp_path / "x.npz", metadata=np.array('{"units": {}, "source": ""}'), **(arrays | change))
    with pytest.raises(FormatError, match=r"x\.npz"):
        read_samples([tmp_path])


def test_a_database_row_with_a_dummy_atom(tmp_path):
    with connect(tmp_path / "x.db") as database:
        for symbols in ("H2", "XH", "He"):
            database.write(molecule("H2") if symbols == "H2" else Atoms(symbols))
    found = read_samples([tmp_path / "x.db"])
    assert found.n_atoms.tolist() == [2, 0, 1]
    assert columns(found, "unreadable")[1] == "x.db: row 2: expected atomic numbers from 1 to 118, found 0"


def test_columns_are_found_by_properties(tmp_path):
    text = "1\nProperties=forces:R:3:pos:R:3:Z:I:1 energy=low\n7 8 9 1 2 3 6 extra\n"
    found = read_text(tmp_path, text)
    assert found.numbers.tolist() == [6] and found.positions.tolist() == [[1, 2, 3]]
    # Atoms that do not fit what Properties says are not read as plain xyz: they would stand elsewhere.
    broken = read_text(tmp_path, HE + "1\nProperties=species:S:1:velo:R:3:pos:R:3\nH 1 2 3 4 5 x\n")
    assert columns(broken, "unreadable")[1] == "a.xyz:6: expected a number, found 'x'"


@pytest.mark.parametrize(
    ("text", "n_atoms"),
    [
        (H2 + BROKEN + BROKEN + HE, [2, 0, 0, 1]),
        (H2 + "abc\ncomment\nH 0 0 0\n" * 2 + HE, [2, 0, 0, 1]),
        (H2 + "-2\n17\nH 0 0 0\n" + HE, [2, 0, 1]),  # an integer as comment
        (H2 + BROKEN.format(5) + HE.format(7), [2, 0, 1]),
        (H2 + BROKEN + "abc\ncomment\nH 0 0 0\n" + HE, [2, 0, 0, 1]),
        (H2 + "3\n8\nH 0 0 0\n" + HE.format(4) + H2, [2, 0, 1, 2]),  # too large a count
        (H2 + "1\n8\nH 0 0 0\nH 0 0 1\n" + HE.format(4) + H2, [2, 0, 1, 2]),  # too small a count
        (HE + "2\n8\nH 0 0 0\n" + HE + H2, [1, 0, 1, 2]),
        (H2 + "5\n" + HE, [2, 0]),  # a header alone takes the next one for its comment
        (H2 + "200\n\n" + "H 0 0 0\n" * 150 + HE + H2, [2, 0, 1, 2]),
        (H2 + "150\n\n" + "H 0 0 0\n" * 150 + HE + H2, [2, 150, 1, 2]),
        (H2 + "150\n\n" + "H 0 0 0\n" * 148 + HE + H2, [2, 0, 1, 2]),
        (H2 + "0\n\n0\n\n" + HE, [2, 0, 0, 1]),
        (H2 + "Done.\n", [2, 0]),
    ],
)
def test_good_frames_around_broken_ones(tmp_path, text, n_atoms):
    assert read_text(tmp_path, text).n_atoms.tolist() == n_atoms


def test_random_damage_of_one_frame_costs_no_other(tmp_path):
    rng = numpy_generator(0, "samples")
    words = [
        "",
        "nan?",
        "Xx",
        "1e",
        "-",
        "\x00",
        "\N{REPLACEMENT CHARACTER}",
        "12",
        "0 0",
        "H 0 0 0",
        "99999",
    ]
    frames = [f"4\nframe {i}\n" + f"C {i} 0 0\nH 0 {i} 0\nO 0 0 {i}\nH 1 1 {i}\n" for i in range(7)]
    n_broken = 0
    for _ in range(400):
        damaged = int(rng.integers(1, 6))
        lines = frames[damaged].splitlines()
        # Neither the header nor the comment: without them nobody can tell where the frame begins.
        line = int(rng.integers(2, 6))
        cells = lines[line].split()
        cells[rng.integers(4)] = words[rng.integers(len(words))]
        lines[line] = " ".join(cells)
        text = "".join([*frames[:damaged], "\n".join([*lines, ""]), *frames[damaged + 1 :]])
        found = read_text(tmp_path, text)
        others = [i for i in range(7) if i != damaged]
        assert len(found) == 7
        np.testing.assert_array_equal(found.n_atoms[others], 4)
        np.testing.assert_array_equal(found[others].positions[::4, 0], others)
        n_broken += found.n_atoms[damaged] == 0
    assert n_broken > 200


def test_gzip_cut_anywhere_keeps_the_frames_before(tmp_path):
    rng = numpy_generator(0, "cut")
    whole = Structures.from_frames([([6, 1, 8], rng.normal(size=(3, 3))) for _ in range(500)])
    extxyz.write(tmp_path / "whole.xyz.gz", whole)
    data = (tmp_path / "whole.xyz.gz").read_bytes()
    kept = []
    for part in (0.3, 0.6, 0.9):
        (tmp_path / "cut.xyz.gz").write_bytes(data[: int(part * len(data))])
        found = read_samples([tmp_path / "cut.xyz.gz"])
        n = len(found) - 1
        np.testing.assert_array_equal(found.positions, whole.positions[: 3 * n])
        assert found.n_atoms.tolist() == [3] * n + [0]
        assert "expected a complete gzip file" in columns(found, "unreadable")[-1]
        kept.append(n)
    assert 100 < kept[0] < kept[1] < kept[2] < 500


def test_broken_frames_hold_no_memory(tmp_path):
    text = HE + "1000000000\nnobody has so many\n" + "H 0 0 0\n" * 2000 + "?\n"
    (tmp_path / "x.xyz").write_text(text * 30)
    tracemalloc.start()
    found = read_samples([tmp_path])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert np.count_nonzero(found.columns["unreadable"] != "") >= 30
    assert np.count_nonzero(found.n_atoms == 1) == 30
    assert peak < 2e6  # the text is 480 kB, one frame as lines 130 kB


def test_names_and_reasons_are_short_valid_text(tmp_path):
    name = "\udcff\udcfe.xyz"  # bytes that are no UTF-8
    try:
        (tmp_path / name).write_text(HE + f"1\n\n{'Q' * 500} 0 0 0\n" + "x" * 500)
    except OSError:
        pytest.skip("the file system takes no such names")
    found = read_samples([tmp_path])
    assert columns(found, "file") == ["\ufffd\ufffd.xyz"] * 3
    assert all(len(text.encode()) and len(text) <= 160 for text in columns(found, "unreadable")[1:])


@pytest.mark.parametrize("texts", [(BROKEN,), (BROKEN, "1\n"), ("", BROKEN), ("nonsense",)])
def test_what_has_no_readable_frame_is_refused_at_once_in_the_same_words(tmp_path, texts):
    for place, text in enumerate(texts):
        (tmp_path / f"{place}.xyz").write_text(text)
    with pytest.raises(FormatError) as late:
        read_samples([tmp_path])
    with pytest.raises(FormatError) as early:
        require_one([tmp_path])
    assert str(early.value) == str(late.value)


def test_one_readable_frame_is_enough_and_no_more_is_read(tmp_path, recwarn, monkeypatch):
    (tmp_path / "a.xyz").write_text(BROKEN)
    (tmp_path / "b.xyz").write_text(BROKEN + HE + H2)
    (tmp_path / "c.xyz").write_text(H2)
    (tmp_path / "notes.md").write_text("")  # of which reading warns
    opened, samples_of = [], extxyz.samples
    monkeypatch.setattr(extxyz, "samples", lambda path: opened.append(path.name) or samples_of(path))
    require_one([tmp_path])
    assert opened == ["a.xyz", "b.xyz"]
    assert not recwarn.list
