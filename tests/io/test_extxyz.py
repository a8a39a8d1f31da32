import gzip
import io
import tracemalloc
from dataclasses import replace

import ase.io
import numpy as np
import pytest
from broken_files import error_of

from tutti.core.randomness import numpy_generator
from tutti.core.structures import Structures
from tutti.core.units import factor
from tutti.io import FormatError, extxyz, read
from tutti.io.samples import read_samples

WATER = "O 0.0 0.0 0.1\nH 0.0 0.8 -0.5\nH 0.0 -0.8 -0.5\n"
TRICKY = [
    "F",
    "T",
    "1",
    "1e5",
    "nan",
    "1 2",
    "0001",
    "",
    " ",
    "C/C=C\\C",
    'a"b',
    "it's",
    "[NH4+]",
    "a=b",
    "Ünï κ",
]
TRICKY += [
    "C[C@H](N)C(=O)O",
    "_JSON 1",
    '_JSON "x"',
    "line\nbreak",
    "tab\tin",
    "true",
    "{x}",
    "a,b",
    "1,2",
    "\\",
]
TRICKY += ["energy=3", "\u2028", "'", '"', 'pbc="T T T"', "\\n", " padded "]


def write(path, text):
    path.write_text(text, encoding="utf-8", newline="")
    return path


def read_text(tmp_path, text, **options):
    return read(write(tmp_path / "x.xyz", text), **options)


def full_structures(n=40):
    rng = numpy_generator(0, "extxyz")
    n_atoms = rng.integers(0, 7, n)
    total = int(n_atoms.sum())
    return Structures(
        n_atoms=n_atoms,
        numbers=rng.integers(1, 119, total).astype(np.uint8),
        positions=rng.normal(size=(total, 3)) * 10.0 ** rng.integers(-30, 30, (total, 3)),
        energy=rng.normal(size=n),
        forces=rng.normal(size=(total, 3)),
        cell=rng.normal(size=(n, 3, 3)),
        pbc=rng.random((n, 3)) < 0.5,
        columns={
            "text": np.resize(np.array(TRICKY), n),
            "homo": np.resize(np.array([1.0, -0.0, 1e300, 5e-324, np.nan, np.inf, 0.1]), n),
            "charge": rng.integers(-(2**63), 2**63 - 1, n),
            "finished": rng.random(n) < 0.5,
            "moment": rng.normal(size=(n, 3)),
            "grid": rng.integers(0, 9, (n, 2)),
            "flags": rng.random((n, 2)) < 0.5,
            "β-name": np.arange(n),
        },
        units={"homo": "eV", "moment": "D"},
    )


@pytest.mark.parametrize("name", ["a.extxyz", "a.xyz", "a.extxyz.gz"])
def test_what_is_written_is_read_exactly(tmp_path, name):
    structures = full_structures()
    extxyz.write(tmp_path / name, structures)
    back = read(tmp_path / name)
    for field, array in structures._arrays().items():
        assert back._arrays()[field].dtype.kind == array.dtype.kind, field
        np.testing.assert_array_equal(back._arrays()[field], array, err_msg=field)
    assert back.digest == structures.digest and back.units == structures.units
    assert back.source.startswith(f"{name} sha256:")


def test_every_text_survives_alone(tmp_path):
    for text in TRICKY:
        one = Structures.from_frames([([1], [[0, 0, 0]])], columns={"text": np.array([text])})
        extxyz.write(tmp_path / "one.extxyz", one)
        assert read(tmp_path / "one.extxyz").columns["text"].tolist() == [text]


def test_bytes_are_the_same_twice(tmp_path):
    for name in ("a.extxyz.gz", "b.extxyz.gz", "a.extxyz", "b.extxyz"):
        extxyz.write(tmp_path / name, full_structures())
    assert (tmp_path / "a.extxyz.gz").read_bytes() == (tmp_path / "b.extxyz.gz").read_bytes()
    assert (tmp_path / "a.extxyz").read_bytes() == (tmp_path / "b.extxyz").read_bytes()
    # Neither a name nor a time in the gzip header (RFC 1952: flags in byte 3, time in bytes 4 to 7).
    assert (tmp_path / "a.extxyz.gz").read_bytes()[3:8] == bytes(5)
    assert gzip.decompress((tmp_path / "a.extxyz.gz").read_bytes()) == (tmp_path / "a.extxyz").read_bytes()


def test_ase_reads_what_we_write(tmp_path):
    structures = full_structures()
    extxyz.write(tmp_path / "a.extxyz", structures)
    frames = ase.io.read(tmp_path / "a.extxyz", ":", format="extxyz")
    for i, atoms in enumerate(frames):
        numbers, positions = structures.frame(i)
        np.testing.assert_array_equal(atoms.numbers, numbers)
        np.testing.assert_array_equal(atoms.positions, positions)
        np.testing.assert_array_equal(atoms.cell.array, structures.cell[i])
        np.testing.assert_array_equal(atoms.pbc, structures.pbc[i])
        assert atoms.get_potential_energy() == structures.energy[i]
        assert atoms.info["finished"] == structures.columns["finished"][i]
        assert atoms.info["charge"] == structures.columns["charge"][i]
        np.testing.assert_array_equal(atoms.info["moment"], structures.columns["moment"][i])
        text = structures.columns["text"][i]
        if text not in ("0001", " padded "):  # ASE reads the first as an integer
            assert atoms.info["text"] == text


def test_we_read_what_ase_writes(tmp_path):
    structures = full_structures()
    frames = list(structures.to_ase())
    for atoms in frames:
        atoms.info = {
            "homo": atoms.info["homo"],
            "finished": atoms.info["finished"],
            "smiles": "C[C@H]/C=C\\C",
        }
        atoms.positions = np.round(atoms.get_positions(), 8).clip(-1e6, 1e6)
        atoms.calc.results["forces"] = np.round(atoms.calc.results["forces"], 8)
        atoms.calc.atoms = atoms.copy()
    ase.io.write(tmp_path / "ase.xyz", frames, format="extxyz")
    back = read(tmp_path / "ase.xyz")
    np.testing.assert_array_equal(back.positions, np.concatenate([a.positions for a in frames]))
    np.testing.assert_array_equal(back.forces, np.round(structures.forces, 8))
    np.testing.assert_array_equal(back.energy, structures.energy)
    np.testing.assert_array_equal(back.cell, structures.cell)
    np.testing.assert_array_equal(back.pbc, structures.pbc)
    np.testing.assert_array_equal(back.columns["homo"], structures.columns["homo"])
    np.testing.assert_array_equal(back.columns["finished"], structures.columns["finished"])
    assert set(back.columns["smiles"].tolist()) == {"C[C@H]/C=C\\C"}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"energy": np.zeros(1)}, "'energy' cannot be the name"),
        ({"a b": np.zeros(1)}, "'a b' cannot be the name"),
        ({"x": np.zeros((1, 2, 2))}, "column 'x' cannot be written"),
        ({"x": np.array(["2020-01-01"], dtype="datetime64[D]")}, "column 'x' cannot be written"),
    ],
)
def test_columns_that_cannot_be_written(tmp_path, columns, message):
    one = Structures.from_frames([([1], [[0, 0, 0]])], columns=columns)
    with pytest.raises(ValueError, match=message):
        extxyz.write(tmp_path / "a.extxyz", one)
    assert not list(tmp_path.iterdir())


def test_unknown_numbers_are_not_written(tmp_path):
    one = Structures(np.array([1]), np.array([0], np.uint8), np.zeros((1, 3)))
    with pytest.raises(ValueError, match="atomic numbers go from 1 to 118"):
        extxyz.write(tmp_path / "a.extxyz", one)


def test_plain_frames_of_different_size(tmp_path):
    text = f"3\n water, E = -76 or so\n{WATER}0\n\n1\n\nhe 1.0D-3 .5d0 -3\n\n\n"
    structures = read_text(tmp_path, text)
    assert structures.n_atoms.tolist() == [3, 0, 1] and structures.numbers.tolist() == [8, 1, 1, 2]
    assert structures.positions[-1].tolist() == [1e-3, 0.5, -3.0]
    assert structures.energy is None and structures.cell is None and not structures.columns


@pytest.mark.parametrize(
    "change", [lambda t: t.replace("\n", "\r\n"), lambda t: t.replace(" ", "\t"), lambda t: "\ufeff" + t]
)
def test_line_ends_tabs_and_byte_order_mark(tmp_path, change):
    text = f"3\nProperties=species:S:1:pos:R:3\n{WATER}" * 2
    assert read_text(tmp_path, change(text)).digest == read_text(tmp_path, text).digest


def test_species_by_number_and_further_columns(tmp_path):
    plain = read_text(tmp_path, "2\n\n8 0 0 1 0.5 extra\n1 0 0 2 0.5\n")
    assert plain.numbers.tolist() == [8, 1] and plain.positions[:, 2].tolist() == [1, 2]
    text = "2\nProperties=id:I:1:Z:I:1:force:R:3:pos:R:3\n0 8 1 2 3 4 5 6\n1 1 7 8 9 10 11 12\n"
    extended = read_text(tmp_path, text)
    assert extended.numbers.tolist() == [8, 1]
    assert extended.positions.tolist() == [[4, 5, 6], [10, 11, 12]]
    assert extended.forces.tolist() == [[1, 2, 3], [7, 8, 9]]


def test_energy_or_free_energy(tmp_path):
    frame = "1\nProperties=species:S:1:pos:R:3 {}\nH 0 0 0\n"
    assert read_text(tmp_path, frame.format("energy=-1.5D0")).energy.tolist() == [-1.5]
    with pytest.raises(FormatError, match=r"x.xyz:2: .* found free_energy: .*keys: {energy: free_energy}"):
        read_text(tmp_path, frame.format("free_energy=-2"))
    both = read_text(tmp_path, frame.format("free_energy=-2 energy=-1"))
    assert both.energy.tolist() == [-1.0] and both.columns["free_energy"].tolist() == [-2]


def test_lattice_and_periodicity(tmp_path):
    frame = '1\nLattice="1 2 3 4 5 6 7 8 10" Properties=species:S:1:pos:R:3 {}\nH 0 0 0\n'
    text = frame.format("") + frame.format('pbc="T F T"') + frame.format("pbc=F") + "1\n\nH 0 0 0\n"
    structures = read_text(tmp_path, text)
    assert structures.cell[0].tolist() == [[1, 2, 3], [4, 5, 6], [7, 8, 10]] and not structures.cell[3].any()
    assert structures.pbc.tolist() == [[True] * 3, [True, False, True], [False] * 3, [False] * 3]


def test_keys_and_columns_in_any_case_as_gpumd_writes_them(tmp_path):
    # https://gpumd.org/gpumd/input_files/model_xyz.html and nep/input_files/train_test_xyz.html
    usual = 'energy=-3 Lattice="5 0 0 0 6 0 0 0 7" pbc="T T F" Properties=species:S:1:pos:R:3:forces:R:3'
    gpumd = 'Energy=-3 lattice="5 0 0 0 6 0 0 0 7" PBC="T T F" properties=Species:s:1:POS:r:3:force:r:3'
    digests = set()
    for comment in (usual, gpumd):
        (tmp_path / "x.xyz").write_text(f"1\n{comment}\nHe 0 0 0 1 2 3\n")
        found = read(tmp_path / "x.xyz")
        digests.add(found.digest)
        assert found.energy.tolist() == [-3] and found.forces.tolist() == [[1, 2, 3]] and not found.columns
        assert found.cell[0].tolist() == np.diag([5.0, 6, 7]).tolist() and found.pbc.tolist() == [
            [True, True, False]
        ]
    assert len(digests) == 1
    (tmp_path / "y.xyz").write_text("1\nproperties=tag:I:1:species:S:1:pos:R:3\n7 He 1 2 3\n")
    assert read_samples([tmp_path / "y.xyz"]).positions.tolist() == [[1, 2, 3]]


def test_of_two_spellings_the_usual_one_counts(tmp_path):
    (tmp_path / "x.xyz").write_text("1\nenergy=1 Energy=2\nHe 0 0 0\n")
    found = read(tmp_path / "x.xyz")
    assert found.energy.tolist() == [1] and found.columns["Energy"].tolist() == [2]
    extxyz.write(tmp_path / "again.xyz", found)
    assert read(tmp_path / "again.xyz").digest == found.digest
    with pytest.raises(ValueError, match="'Energy' cannot be the name of a column"):
        extxyz.write(tmp_path / "again.xyz", replace(found, energy=None))
    error = error_of(tmp_path / "x.xyz", "1\nENERGY=1 Energy=2\nHe 0 0 0\n")
    assert error == "x.xyz:2: expected each of energy once, found ENERGY and Energy"


def test_columns_need_all_frames_and_one_type(tmp_path):
    frame = "1\nProperties=species:S:1:pos:R:3 {}\nH 0 0 0\n"
    text = frame.format("a=1 b=T smiles=F only=1 v='1 2' name=κ") + frame.format(
        "a=2.5 b=F smiles=C v=[3,4] name=z"
    )
    columns = read_text(tmp_path, text).columns
    assert {name: column.tolist() for name, column in columns.items()} == {
        "a": [1.0, 2.5],
        "b": [True, False],
        "smiles": ["F", "C"],
        "v": [[1, 2], [3, 4]],
        "name": ["κ", "z"],
    }


def test_units_are_converted(tmp_path):
    comment = "Lattice='1 0 0 0 1 0 0 0 1' Properties=species:S:1:pos:R:3:forces:R:3 energy=2 homo=3 x=4"
    text = f"1\n{comment}\nH 1 0 0 5 0 0\n"
    units = {"energy": "kcal/mol", "length": "bohr", "homo": "Hartree", "x": "D"}
    structures = read_text(tmp_path, text, units=units)
    kcal, bohr = factor("kcal/mol", "eV"), factor("bohr", "Å")
    assert structures.energy[0] == pytest.approx(2 * kcal, rel=1e-14)
    assert structures.positions[0, 0] == pytest.approx(bohr, rel=1e-14)
    assert structures.cell[0, 0, 0] == pytest.approx(bohr, rel=1e-14)
    assert structures.forces[0, 0] == pytest.approx(5 * kcal / bohr, rel=1e-14)
    assert structures.columns["homo"][0] == pytest.approx(3 * factor("Hartree", "eV"), rel=1e-14)
    assert structures.columns["x"][0] == 4 and structures.units == {"homo": "eV", "x": "D"}
    with pytest.raises(ValueError, match="unit is given for 'gap', but the structures have only"):
        read_text(tmp_path, text, units={"gap": "eV"})


H2 = "2\nProperties=species:S:1:pos:R:3:forces:R:3 energy=-1\nH 0 0 0 0 0 0\nH 0 0 1 0 0 0\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "x.xyz:1: expected a structure, found the end of the file"),
        ("\n \n", "x.xyz:1: expected a structure"),
        ("abc\n", "x.xyz:1: expected the number of atoms of the next frame, found 'abc'"),
        ("-1\n\n", "x.xyz:1: expected the number of atoms"),
        ("3.0\n\n", "x.xyz:1: expected the number of atoms"),
        ("1_0\n\n", "x.xyz:1: expected the number of atoms"),
        ("3", "x.xyz:2: expected a comment line, found the end of the file"),
        (f"4\n\n{WATER}", "x.xyz:6: expected 4 atom lines from line 3 on, found the end of the file after 3"),
        (f"4\n\n{WATER}1\n\nH 0 0 0\n", "x.xyz:6: expected 4 columns, found '1'"),
        (f"2\n\n{WATER}", "x.xyz:5: expected the number of atoms of the next frame, found 'H 0.0 -0.8 -0.5'"),
        (f"3\n\n{WATER}1\n\nQ 0 0 0\n", "x.xyz:8: expected a chemical element, found 'Q'"),
        (f"3\n\n{WATER.replace('0.8', '0,8')}", "x.xyz:4: expected a number, found '0,8'"),
        ("1\n\nH 0 0 ---\n", "x.xyz:3: expected a number, found '---'"),
        (f"3\n\n{WATER.replace('H 0.0 0.8', 'H 0.8')}", "x.xyz:4: expected 4 columns, found 'H 0.8 -0.5'"),
        (f"3\n\n{WATER.replace('0.1', 'nan')}", "x.xyz:3: expected finite positions"),
        (f"3\n\n{WATER}3\n\n{WATER.replace(' -0.8', ' inf')}", "x.xyz:10: expected finite positions"),
        (H2.replace("-1\n", "NaN\n"), "x.xyz:2: expected finite energy"),
        (H2.replace("H 0 0 1 0 0 0", "H 0 0 1 0 0 nan"), "x.xyz:4: expected finite forces"),
        (H2.replace("-1\n", "low\n"), "x.xyz:2: expected a number, found 'low'"),
        (H2.replace("H 0 0 1 0 0 0", "H 0 0 1"), "x.xyz:4: expected 7 columns, found 'H 0 0 1'"),
        (H2.replace("H 0 0 1 0 0 0", "H 0 0 1 0 0 0 9"), "x.xyz:4: expected 7 columns"),
        (
            H2 + H2.replace(" energy=-1", ""),
            "x.xyz:6: expected energy, as other structures have it, found none",
        ),
        (H2 + "1\nenergy=1\nH 0 0 0\n", "x.xyz:6: expected forces, as other structures have it"),
        (H2.replace("pos:R:3", "pos:R"), "x.xyz:2: expected Properties=name:type:columns"),
        (H2.replace("pos", "xyz"), "x.xyz:2: expected Properties with species (or Z) and pos"),
        (H2.replace("forces:R:3", "forces:R:2"), "x.xyz:2: expected Properties with forces in 3 columns"),
        ("1\nLattice='1 0 0'\nH 0 0 0\n", "x.xyz:2: expected 9 numbers in Lattice, found '1 0 0'"),
        ("1\nLattice='1 0 0 0 a 0 0 0 1'\nH 0 0 0\n", "x.xyz:2: expected a number, found 'a'"),
        ('1\nLattice="1 0 0 0 1 0 0 0 nan"\nH 0 0 0\n', "x.xyz:2: expected finite cell"),
        ("1\npbc='T T T'\nH 0 0 0\n", "x.xyz:2: expected a Lattice for periodic directions"),
        ("1\npbc='T T'\nH 0 0 0\n", "x.xyz:2: expected pbc=\"T T T\" or the like, found 'T T'"),
        ("1\nunits='_JSON {1'\nH 0 0 0\n", "x.xyz:2: expected units as JSON"),
    ],
)
def test_malformed_files(tmp_path, text, message):
    assert error_of(tmp_path / "x.xyz", text).startswith(message)


def test_samples_may_hold_nan(tmp_path):
    text = f"3\n\n{WATER.replace('0.1', 'nan').replace(' 0.8', ' -inf')}"
    positions = read_text(tmp_path, text, samples=True).positions
    assert np.isnan(positions[0, 2]) and positions[1, 1] == -np.inf
    assert "samples=True" in error_of(tmp_path / "x.xyz", text)


def test_nan_of_samples_is_written_and_read(tmp_path):
    one = Structures.from_frames([([6, 1], [[np.nan, 1, 2], [np.inf, -np.inf, 0]])])
    extxyz.write(tmp_path / "a.extxyz", one)
    np.testing.assert_array_equal(read(tmp_path / "a.extxyz", samples=True).positions, one.positions)


@pytest.mark.parametrize("count", ["1000000000", "9" * 30])
def test_a_count_in_the_billions_allocates_nothing(tmp_path, count):
    tracemalloc.start()
    message = error_of(tmp_path / "x.xyz", f"{count}\n\n{WATER}")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert message.startswith("x.xyz:6: expected ") and peak < 2e6


def test_gzip_cut_in_the_middle_or_no_gzip(tmp_path):
    extxyz.write(tmp_path / "whole.xyz.gz", full_structures())
    data = (tmp_path / "whole.xyz.gz").read_bytes()
    flipped = data[:-6] + bytes([data[-6] ^ 1]) + data[-5:]  # one bit of the checksum
    for name, contents in {"cut": data[: len(data) // 2], "text": b"3\n\n", "flipped": flipped}.items():
        path = tmp_path / f"{name}.xyz.gz"
        path.write_bytes(contents)
        with pytest.raises(FormatError, match=rf"{name}.xyz.gz:\d+: expected a complete gzip file"):
            read(path)


def test_bytes_that_are_no_text(tmp_path):
    (tmp_path / "x.xyz").write_bytes(b"1\n\xff\xfe\nH 0 0 0\n")
    with pytest.raises(FormatError, match=r"x.xyz:2: expected UTF-8 text, found .*iconv -f latin1 -t utf8"):
        read(tmp_path / "x.xyz")
    frame = "1\nEnergie in Märchenwald\nH 0 0 0\n"
    (tmp_path / "y.xyz").write_bytes(("1\n\nH 0 0 0\n" * 3000).encode() + frame.encode("latin-1"))
    with pytest.raises(FormatError, match=r"y.xyz:9002: expected UTF-8 text"):
        read(tmp_path / "y.xyz")


def test_real_qm9_geometries(shared_data):
    structures = read(shared_data / "qm9_first339.xyz")
    assert len(structures) == 339 and structures.n_atoms[:4].tolist() == [5, 4, 3, 4]
    assert structures.frame(0)[0].tolist() == [6, 1, 1, 1, 1]
    assert structures.frame(2)[1][1].tolist() == [0.06476649, 0.0205722, 0.00153463]
    assert set(structures.numbers.tolist()) == {1, 6, 7, 8}


def test_real_qm7_equals_what_ase_reads(shared_data, tmp_path):
    structures = read(shared_data / "qm7.extxyz.gz")
    assert len(structures) == 7101 and set(structures.numbers.tolist()) == {1, 6, 7, 8, 16}
    assert structures.columns["name"][[0, -1]].tolist()[0] == "0001"
    assert structures.columns["atomization_energy_kcal_mol"][:2].tolist() == [-417.031, -711.117]
    assert structures.cell is None and structures.energy is None
    with gzip.open(shared_data / "qm7.extxyz.gz", "rt") as file:
        frames = ase.io.read(io.StringIO(file.read()), "::100", format="extxyz")
    for i, atoms in enumerate(frames):
        np.testing.assert_array_equal(structures.frame(100 * i)[1], atoms.positions)
        np.testing.assert_array_equal(structures.frame(100 * i)[0], atoms.numbers)
    extxyz.write(tmp_path / "again.xyz", structures)
    assert read(tmp_path / "again.xyz").digest == structures.digest


def test_real_ethanol_equals_what_ase_reads(shared_data):
    structures = read(shared_data / "ethanol_pbe" / "train.xyz")
    assert len(structures) == 1000 and set(structures.n_atoms.tolist()) == {9}
    for i, atoms in enumerate(ase.io.read(shared_data / "ethanol_pbe" / "train.xyz", ":50")):
        assert structures.energy[i] == atoms.get_potential_energy()
        rows = slice(9 * i, 9 * i + 9)
        np.testing.assert_array_equal(structures.forces[rows], atoms.get_forces())
        np.testing.assert_array_equal(structures.positions[rows], atoms.positions)
    assert structures.cell[0].tolist() == (50 * np.eye(3)).tolist() and not structures.pbc.any()
    assert structures.columns["OH_dist"][0] == 1.0373


def test_a_periodic_cell_without_volume_is_refused(tmp_path):
    flat = '3\nLattice="4 0 0 8 0 0 0 0 5" pbc="T T F" Properties=species:S:1:pos:R:3\n' + WATER
    assert error_of(tmp_path / "x.xyz", flat).startswith(
        "x.xyz:2: expected independent cell vectors in the periodic directions, found [[4.0, 0.0, 0.0]"
    )
    slab = flat.replace("4 0 0 8 0 0 0 0 5", "4 0 0 0 8 0 0 0 0")
    assert read_text(tmp_path, slab).pbc.tolist() == [[True, True, False]]
